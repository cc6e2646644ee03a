import SqliteDatabase from 'better-sqlite3';
import { Kysely, sql, SqliteDialect } from 'kysely';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { knownQueries } from '../../scripts/simulate/known-queries.ts';
import { statementsOf } from '../../scripts/simulate/statements.ts';
import { migrate } from '../../ledger/migrations.ts';
import type { Db, Tables } from '../../ledger/schema.ts';

// One in a process, as in a simulation.
const database = new SqliteDatabase(':memory:');
const statements = statementsOf(database);
const plain = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
await migrate(plain, 'sqlite');
const known = knownQueries(plain, statements.prepare);
afterEach(() => {
  database.exec('delete from sweep_notes');
  statements.undone();
});
afterAll(() => database.close());

const note = (db: Db, key: string, value: string) =>
  db
    .insertInto('sweep_notes')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
const notes = (db: Db, keys: readonly string[]) =>
  db
    .selectFrom('sweep_notes')
    .selectAll()
    .where((where) => where.or([where('key', 'in', keys), where('value', '=', 'everywhere')]))
    .orderBy('key', 'desc')
    .execute();

describe('queries that are compiled once for all that differ by their values alone', () => {
  it('answer what Kysely itself would, whatever the values are', async () => {
    for (const [key, value] of [
      ['one', 'first'],
      ['two', 'second'],
      ['three', 'everywhere'],
      ['one', 'changed'],
    ] as const) {
      await note(known, key, value);
      for (const keys of [['one'], ['two'], ['one', 'two'], ['nobody', 'one']])
        expect(await notes(known, keys)).toEqual(await notes(plain, keys));
    }
    expect(await notes(known, ['one'])).toEqual([
      { key: 'three', value: 'everywhere' },
      { key: 'one', value: 'changed' },
    ]);
  });

  it('go to Kysely where they cannot be written down, and are seen by the next reading', async () => {
    await note(known, 'one', 'a');
    expect(await notes(known, ['one'])).toEqual([{ key: 'one', value: 'a' }]);
    await known
      .updateTable('sweep_notes')
      .set({ value: sql<string>`value || 'b'` })
      .where('key', '=', 'one')
      .execute();
    const one = known.selectFrom('sweep_notes').select('key').where('value', '=', 'everywhere');
    expect(
      await known.selectFrom('sweep_notes').selectAll().where('key', 'not in', one).executeTakeFirst(),
    ).toBeDefined();
    await expect(
      known.selectFrom('sweep_notes').selectAll().where('key', '=', 'nobody').executeTakeFirstOrThrow(),
    ).rejects.toThrow(/no result/);
  });

  it('forget what they read of a write that was taken back', async () => {
    await note(known, 'one', 'a');
    database.exec('begin');
    await note(known, 'one', 'b');
    expect(await notes(known, ['one'])).toEqual([{ key: 'one', value: 'b' }]);
    database.exec('rollback');
    statements.undone();
    expect(await notes(known, ['one'])).toEqual([{ key: 'one', value: 'a' }]);
  });
});
