import { z } from 'zod';
import type { Sealed, SealContext } from './cipher.ts';

/** The sealed rows as SQLite gives them, and what each is bound to. */

const sealedColumns = {
  key_id: z.string(),
  salt: z.instanceof(Uint8Array),
  nonce: z.instanceof(Uint8Array),
  sealed: z.instanceof(Uint8Array),
};
type SealedRow = z.output<z.ZodObject<typeof sealedColumns>>;

export const unsealed = (row: SealedRow): Sealed => ({
  keyId: row.key_id,
  salt: row.salt,
  nonce: row.nonce,
  text: row.sealed,
});

export const stagedRow = z.object({
  path: z.string(),
  version: z.string(),
  credential: z.string(),
  ref: z.string(),
  field_names: z.string(),
  ...sealedColumns,
});

export const mainRow = z.object({
  n: z.number(),
  path: z.string(),
  credential: z.string(),
  version: z.string().nullable(),
  epoch: z.number().nullable(),
  field_names: z.string(),
  ...sealedColumns,
});

export const checkRow = z.object(sealedColumns);

const { salt, nonce, sealed } = sealedColumns;
const keyRow = z.object({ n: z.number(), master_id: z.string(), salt, nonce, sealed });

/** A wrapped data key: a seal under a master key. */
export function wrappedKey(found: unknown): { readonly n: number; readonly sealed: Sealed } {
  const row = keyRow.parse(found);
  return { n: row.n, sealed: unsealed({ ...row, key_id: row.master_id }) };
}

const names = z.array(z.string());

export const stagedContext = (row: z.output<typeof stagedRow>): SealContext => ({
  kind: 'staged',
  credential: row.credential,
  path: row.path,
  version: row.version,
  epoch: undefined,
  fieldNames: names.parse(JSON.parse(row.field_names)),
});

export const mainContext = (row: z.output<typeof mainRow>): SealContext => ({
  kind: 'main',
  credential: row.credential,
  path: row.path,
  version: row.version ?? '',
  epoch: row.epoch ?? undefined,
  fieldNames: names.parse(JSON.parse(row.field_names)),
});

export const checkContext: SealContext = {
  kind: 'check',
  credential: '',
  path: '',
  version: '',
  epoch: undefined,
  fieldNames: [],
};

export const keyContext = (keyId: string): SealContext => ({ ...checkContext, kind: 'key', version: keyId });
