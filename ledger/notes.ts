import type { Db } from './schema.ts';

/** One line of what is kept for the next time, overwritten and outside the chain. */
export async function readNote(db: Db, key: string): Promise<string | undefined> {
  const row = await db.selectFrom('sweep_notes').select('value').where('key', '=', key).executeTakeFirst();
  return row?.value;
}

export async function writeNote(db: Db, key: string, value: string): Promise<void> {
  await db
    .insertInto('sweep_notes')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}
