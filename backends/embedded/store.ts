import { z } from 'zod';
import type { Ref } from '../../domain/facts.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { Envelope, Place } from '../backend.ts';
import { type Mark, type StoredFields, epochField, markOf, versionField } from '../main-place.ts';
import { type VersionId, parseVersionId } from '../../domain/identifiers.ts';
import type { Cipher, Sealed, SealContext } from './cipher.ts';
import type { VaultFile } from './vault-file.ts';

/** One row of the main place, opened. `fields` is undefined once its version was destroyed. */
export interface Generation {
  readonly n: number;
  readonly mark: Mark | undefined;
  readonly fields: StoredFields | undefined;
}

/** The tables, with every secret column sealed and opened on the way. Decides nothing; runs inside its caller's transaction. */
export interface EmbeddedStore {
  envelope(place: Place, version: VersionId): Envelope | undefined;
  stagedVersions(path: string): readonly VersionId[];
  addEnvelope(place: Place, envelope: Envelope): void;
  /** Newest first. */
  generations(path: string): Iterable<Generation>;
  addGeneration(place: Place, fields: StoredFields, at: number): void;
  /** Takes the material out of a row and leaves its version and epoch: what was there stays known. */
  emptyGeneration(n: number): void;
  removeEnvelope(path: string, version: VersionId): void;
  removeGeneration(n: number): void;
}

const sealedColumns = {
  key_id: z.string(),
  salt: z.instanceof(Uint8Array),
  nonce: z.instanceof(Uint8Array),
  sealed: z.instanceof(Uint8Array),
};
const stagedRow = z.object({ credential: z.string(), ref: z.string(), field_names: z.string(), ...sealedColumns });
const mainRow = z.object({
  n: z.number(),
  path: z.string(),
  credential: z.string(),
  version: z.string().nullable(),
  epoch: z.number().nullable(),
  field_names: z.string(),
  ...sealedColumns,
});
const emptyRow = z.object({
  n: z.number(),
  version: z.string().nullable(),
  epoch: z.number().nullable(),
  sealed: z.null(),
});
const names = z.array(z.string());
const secret = z.object({ value: z.string(), fields: z.record(z.string(), z.string()) });
const refShape = z.object({ id: z.string(), mark: z.string().optional(), parent: z.string().optional() });

type SealedRow = z.output<z.ZodObject<typeof sealedColumns>>;
const unsealed = (row: SealedRow): Sealed => ({
  keyId: row.key_id,
  salt: row.salt,
  nonce: row.nonce,
  text: row.sealed,
});

export function createEmbeddedStore(file: VaultFile, cipher: Cipher): EmbeddedStore {
  const selectStaged = file.prepare('SELECT * FROM staged WHERE path = ? AND version = ?');
  const listStaged = file.prepare('SELECT version FROM staged WHERE path = ? ORDER BY rowid').pluck();
  const insertStaged = file.prepare(
    `INSERT INTO staged (path, version, credential, ref, field_names, key_id, salt, nonce, sealed)
     VALUES (@path, @version, @credential, @ref, @fieldNames, @keyId, @salt, @nonce, @text)`,
  );
  const selectMain = file.prepare('SELECT * FROM main WHERE path = ? ORDER BY n DESC');
  const insertMain = file.prepare(
    `INSERT INTO main (path, credential, version, epoch, field_names, key_id, salt, nonce, sealed, written_at)
     VALUES (@path, @credential, @version, @epoch, @fieldNames, @keyId, @salt, @nonce, @text, @at)`,
  );
  const emptyMain = file.prepare('UPDATE main SET key_id = NULL, salt = NULL, nonce = NULL, sealed = NULL WHERE n = ?');
  const deleteMain = file.prepare('DELETE FROM main WHERE n = ?');
  const deleteStaged = file.prepare('DELETE FROM staged WHERE path = ? AND version = ?');

  return {
    envelope(place, version) {
      const found = selectStaged.get(place.path, version);
      if (found === undefined) return undefined;
      const row = stagedRow.parse(found);
      const fieldNames = names.parse(JSON.parse(row.field_names));
      const { credential } = row;
      const context: SealContext = {
        kind: 'staged',
        credential,
        path: place.path,
        version,
        epoch: undefined,
        fieldNames,
      };
      const { value, fields } = secret.parse(JSON.parse(cipher.open(unsealed(row), context)));
      return { version, ref: toRef(row.ref), material: new SecretMaterial(fields, value) };
    },

    stagedVersions: (path) => z.array(z.string()).parse(listStaged.all(path)).map(parseVersionId),

    addEnvelope(place, { version, ref, material }) {
      const fieldNames = material.fieldNames();
      const { credential, path } = place;
      const context: SealContext = { kind: 'staged', credential, path, version, epoch: undefined, fieldNames };
      const plain = JSON.stringify({ value: material.valueFieldName(), fields: material.reveal() });
      insertStaged.run({
        path,
        version,
        credential,
        ref: JSON.stringify(ref),
        fieldNames: JSON.stringify(fieldNames),
        ...cipher.seal(plain, context),
      });
    },

    *generations(path) {
      for (const found of selectMain.all(path)) {
        const gone = emptyRow.safeParse(found);
        if (gone.success) {
          yield { n: gone.data.n, mark: toMark(gone.data), fields: undefined };
          continue;
        }
        const row = mainRow.parse(found);
        const context: SealContext = {
          kind: 'main',
          credential: row.credential,
          path,
          version: row.version ?? '',
          epoch: row.epoch ?? undefined,
          fieldNames: names.parse(JSON.parse(row.field_names)),
        };
        const fields = z.record(z.string(), z.unknown()).parse(JSON.parse(cipher.open(unsealed(row), context)));
        yield { n: row.n, mark: toMark(row), fields };
      }
    },

    addGeneration(place, fields, at) {
      const mark = markOf(fields);
      const { credential, path } = place;
      const fieldNames = Object.keys(fields).filter((name) => name !== versionField && name !== epochField);
      const context: SealContext = {
        kind: 'main',
        credential,
        path,
        version: mark?.version ?? '',
        epoch: mark?.epoch,
        fieldNames,
      };
      insertMain.run({
        path,
        credential,
        version: mark?.version ?? null,
        epoch: mark?.epoch ?? null,
        fieldNames: JSON.stringify(fieldNames),
        at,
        ...cipher.seal(JSON.stringify(fields), context),
      });
    },

    emptyGeneration: (n) => void emptyMain.run(n),
    removeEnvelope: (path, version) => void deleteStaged.run(path, version),
    removeGeneration: (n) => void deleteMain.run(n),
  };
}

function toMark({ version, epoch }: { version: string | null; epoch: number | null }): Mark | undefined {
  return version === null || epoch === null ? undefined : { version, epoch };
}

function toRef(text: string): Ref {
  const { id, mark, parent } = refShape.parse(JSON.parse(text));
  return { id, ...(mark !== undefined && { mark }), ...(parent !== undefined && { parent }) };
}
