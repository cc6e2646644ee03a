import { z } from 'zod';
import type { Ref } from '../../domain/facts.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { Envelope, Place } from '../backend.ts';
import { type Mark, type StoredFields, epochField, markOf, versionField } from '../main-place.ts';
import { type VersionId, parseVersionId } from '../../domain/identifiers.ts';
import type { Sealed, SealContext } from './cipher.ts';
import type { Keyring } from './keyring.ts';
import { mainContext, mainRow, stagedContext, stagedRow, unsealed } from './rows.ts';
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
  /** Where anything was ever promoted. */
  paths(): readonly string[];
  newest(path: string): Generation | undefined;
  /** Newest first. */
  generations(path: string): Iterable<Generation>;
  /** The newest, and of the others those that still hold material; newest first. */
  kept(path: string): Iterable<Generation>;
  addGeneration(place: Place, fields: StoredFields, at: number): void;
  /** Takes the material out of a row and leaves its version and epoch: what was there stays known. */
  emptyGeneration(n: number): void;
  removeEnvelope(path: string, version: VersionId): void;
  removeGeneration(n: number): void;
}

const emptyRow = z.object({
  n: z.number(),
  version: z.string().nullable(),
  epoch: z.number().nullable(),
  sealed: z.null(),
});
const secret = z.object({ value: z.string(), fields: z.record(z.string(), z.string()) });
const anyFields = z.record(z.string(), z.unknown());
const texts = z.array(z.string());
const refShape = z.object({ id: z.string(), mark: z.string().optional(), parent: z.string().optional() });

export function createEmbeddedStore(file: VaultFile, keyring: Keyring): EmbeddedStore {
  const selectStaged = file.prepare('SELECT * FROM staged WHERE path = ? AND version = ?');
  const listStaged = file.prepare('SELECT version FROM staged WHERE path = ? ORDER BY rowid').pluck();
  const insertStaged = file.prepare(
    `INSERT INTO staged (path, version, credential, ref, field_names, key_id, salt, nonce, sealed)
     VALUES (@path, @version, @credential, @ref, @fieldNames, @keyId, @salt, @nonce, @text)`,
  );
  const selectMain = file.prepare('SELECT * FROM main WHERE path = ? ORDER BY n DESC');
  const selectNewest = file.prepare('SELECT * FROM main WHERE path = ? ORDER BY n DESC LIMIT 1');
  const selectKept = file.prepare(
    `SELECT * FROM main WHERE path = @path AND (sealed IS NOT NULL OR n = (SELECT max(n) FROM main WHERE path = @path))
     ORDER BY n DESC`,
  );
  const listMain = file.prepare('SELECT DISTINCT path FROM main ORDER BY path').pluck();
  const insertMain = file.prepare(
    `INSERT INTO main (path, credential, version, epoch, field_names, key_id, salt, nonce, sealed, written_at)
     VALUES (@path, @credential, @version, @epoch, @fieldNames, @keyId, @salt, @nonce, @text, @at)`,
  );
  const emptyMain = file.prepare('UPDATE main SET key_id = NULL, salt = NULL, nonce = NULL, sealed = NULL WHERE n = ?');
  const deleteMain = file.prepare('DELETE FROM main WHERE n = ?');
  const deleteStaged = file.prepare('DELETE FROM staged WHERE path = ? AND version = ?');

  const open = (sealed: Sealed, context: SealContext): string => keyring.named(sealed.keyId).open(sealed, context);

  function generation(found: unknown): Generation {
    const gone = emptyRow.safeParse(found);
    if (gone.success) return { n: gone.data.n, mark: toMark(gone.data), fields: undefined };
    const row = mainRow.parse(found);
    const fields = anyFields.parse(JSON.parse(open(unsealed(row), mainContext(row))));
    return { n: row.n, mark: toMark(row), fields };
  }

  return {
    envelope(place, version) {
      const found = selectStaged.get(place.path, version);
      if (found === undefined) return undefined;
      const row = stagedRow.parse(found);
      const { value, fields } = secret.parse(JSON.parse(open(unsealed(row), stagedContext(row))));
      return { version, ref: toRef(row.ref), material: new SecretMaterial(fields, value) };
    },

    stagedVersions: (path) => texts.parse(listStaged.all(path)).map(parseVersionId),

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
        ...keyring.newest().seal(plain, context),
      });
    },

    paths: () => texts.parse(listMain.all()),

    newest(path) {
      const found = selectNewest.get(path);
      return found === undefined ? undefined : generation(found);
    },

    *generations(path) {
      for (const found of selectMain.all(path)) yield generation(found);
    },

    *kept(path) {
      for (const found of selectKept.all({ path })) yield generation(found);
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
        ...keyring.newest().seal(JSON.stringify(fields), context),
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
