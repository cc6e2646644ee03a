import { z } from 'zod';
import { codeOf } from '../../domain/errors.ts';
import type { Cipher } from './cipher.ts';
import { mainContext, mainRow, stagedContext, stagedRow, unsealed } from './rows.ts';
import type { VaultFile } from './vault-file.ts';

export type SealedTable = 'staged' | 'main';

export interface SealedAnew {
  readonly done: number;
  /** Paths of rows that do not open, changed outside keybaton or under a key that is not there: left as they are. */
  readonly damaged: readonly string[];
  /** Where to go on; undefined when nothing is left behind it. */
  readonly after: number | undefined;
}

const numbered = z.looseObject({ row: z.number() });

/** Seals rows that lie under another key anew, from one row number on. Runs inside its caller's transaction. */
export function sealAnew(
  file: VaultFile,
  table: SealedTable,
  keyNamed: (keyId: string) => Cipher,
  cipher: Cipher,
  { after, limit }: { readonly after: number; readonly limit: number | undefined },
): SealedAnew {
  const found = file
    .prepare(
      `SELECT rowid AS row, * FROM ${table} WHERE rowid > ? AND key_id IS NOT NULL AND key_id <> ? ORDER BY rowid LIMIT ?`,
    )
    .all(after, cipher.keyId, limit ?? -1);
  const update = file.prepare(
    `UPDATE ${table} SET key_id = @keyId, salt = @salt, nonce = @nonce, sealed = @text WHERE rowid = @row`,
  );
  let done = 0;
  const damaged: string[] = [];
  for (const one of found) {
    const { row } = numbered.parse(one);
    const { sealed, context } = opened(table, one);
    try {
      update.run({ row, ...cipher.seal(keyNamed(sealed.keyId).open(sealed, context), context) });
      done += 1;
    } catch (thrown) {
      if (!['VERIFICATION_FAILED', 'ACCESS_DENIED'].includes(codeOf(thrown) ?? '')) throw thrown;
      damaged.push(context.path);
    }
  }
  const last = found.at(-1);
  return { done, damaged, after: last === undefined ? undefined : numbered.parse(last).row };
}

function opened(table: SealedTable, found: unknown) {
  if (table === 'staged') {
    const row = stagedRow.parse(found);
    return { sealed: unsealed(row), context: stagedContext(row) };
  }
  const row = mainRow.parse(found);
  return { sealed: unsealed(row), context: mainContext(row) };
}
