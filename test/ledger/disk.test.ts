import SqliteDatabase from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keepOnDisk } from '../../domain/keep-on-disk.ts';
import { diskOf } from '../../ledger/disk.ts';
import { openLedger } from '../../ledger/open.ts';
import type { Tables } from '../../ledger/schema.ts';
import { openStore, type Store } from '../../ledger/store.ts';
import { filePath, sqlitePlace } from './places.ts';
import { expectRefusal } from './scenario.ts';

const place = sqlitePlace();
beforeAll(() => place.start());
afterAll(() => place.stop());

const event = (text: string) => ({ kind: 'written', actor: 'os:tester', body: { text } });
const held = Symbol('held');

describe('a ledger whose disk takes its time', () => {
  let database: SqliteDatabase.Database;
  let store: Store;
  let file: string;
  let syncs: { done(): void; fail(): void }[];

  beforeEach(async () => {
    const url = await place.fresh();
    await (await openLedger({ url })).close();
    file = filePath(url);
    database = new SqliteDatabase(file);
    syncs = [];
    const own = diskOf(database, file);
    const state = database.prepare('select total_changes()').pluck();
    const others = database.prepare('pragma data_version').pluck();
    const disk = keepOnDisk({
      of: 'the ledger',
      state: () => `${String(state.get())} ${String(others.get())}`,
      sync: () =>
        new Promise<void>((resolve, reject) => {
          syncs.push({ done: resolve, fail: () => reject(new Error('EIO')) });
        }),
      close: () => own.close(),
    });
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
    store = openStore(db, 'sqlite', undefined, disk);
  });
  afterEach(async () => {
    for (const sync of syncs) sync.done();
    await store.close();
  });

  const note = (text: string) => store.write((transaction) => transaction.appendNote(event(text)));
  const count = () => store.read((db) => db.selectFrom('events').select('n').execute());
  const orHeld = (answer: Promise<unknown>) => Promise.race([answer, Promise.resolve(held)]);
  const nextSync = (n: number) => expect.poll(() => syncs.length).toBe(n);

  it('answers no write before it is on disk, and writes others meanwhile', async () => {
    const first = note('first');
    await nextSync(1);
    const second = note('second');
    const other = new SqliteDatabase(file, { readonly: true });
    await expect.poll(() => other.prepare('select count(*) from events').pluck().get()).toBe(2);
    other.close();
    expect(await orHeld(first)).toBe(held);
    syncs[0]?.done();
    await first;
    await nextSync(2);
    expect(await orHeld(second)).toBe(held);
    syncs[1]?.done();
    await second;
  });

  it('shows nobody what a power cut could still take back, whoever wrote it', async () => {
    const ours = note('ours');
    await nextSync(1);
    const reading = count();
    syncs[0]?.done();
    await ours;
    expect(await reading).toHaveLength(1);

    const other = new SqliteDatabase(file);
    other.exec("insert into meta (key, value) values ('written', 'elsewhere')");
    other.close();
    const again = count();
    await nextSync(2);
    expect(await orHeld(again)).toBe(held);
    syncs[1]?.done();
    expect(await again).toHaveLength(1);
  });

  it('says that a write may have happened when the disk fails, and takes none any more', async () => {
    const refused = expectRefusal(note('lost?'), 'AMBIGUOUS', /it may have happened/);
    await nextSync(1);
    syncs[0]?.fail();
    await refused;
    await expectRefusal(note('later'), 'AMBIGUOUS', /start again/);
  });
});
