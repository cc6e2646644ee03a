import SqliteDatabase from 'better-sqlite3';
import { Kysely, sql, SqliteDialect } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openLedger } from '../../ledger/open.ts';
import type { Tables } from '../../ledger/schema.ts';
import { openStore, type Store } from '../../ledger/store.ts';
import { verifyChain } from '../../ledger/chain.ts';
import { filePath, sqlitePlace } from './places.ts';
import { expectRefusal } from './scenario.ts';

const place = sqlitePlace();
beforeAll(() => place.start());
afterAll(() => place.stop());

const event = (text: string) => ({ kind: 'written', actor: 'os:tester', body: { text } });

describe('writes of one process that wait together', () => {
  let db: Kysely<Tables>;
  let store: Store;
  let commits: number;
  let file: string;

  beforeEach(async () => {
    const url = await place.fresh();
    await (await openLedger({ url })).close();
    file = filePath(url);
    commits = 0;
    db = new Kysely<Tables>({
      dialect: new SqliteDialect({ database: new SqliteDatabase(file) }),
      log: ({ query }) => {
        if (query.sql === 'commit') commits += 1;
      },
    });
    store = openStore(db, 'sqlite', undefined);
  });
  afterEach(() => store.close());

  const note = (text: string) => store.write((transaction) => transaction.appendNote(event(text)));
  const texts = async (): Promise<readonly string[]> => {
    const rows = await store.read((reader) => reader.selectFrom('events').select('body').orderBy('n').execute());
    return rows.map(({ body }) => (JSON.parse(body) as { text: string }).text);
  };

  it('share commits, in the order in which they came, and the chain holds', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, index) => note(`${index}`)));
    expect(await texts()).toEqual(Array.from({ length: 40 }, (_, index) => `${index}`));
    expect(commits).toBe(3);
    expect(await verifyChain(db)).toMatchObject({ events: 40, broken: [] });
  });

  it('fail each for itself: what it had written is undone, and no other is', async () => {
    const failing = store.write(async (transaction) => {
      await transaction.appendNote(event('never'));
      throw new TypeError('a bug');
    });
    const answers = await Promise.allSettled([note('before'), failing, note('after')]);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await texts()).toEqual(['before', 'after']);
    expect(await verifyChain(db)).toMatchObject({ events: 2, broken: [] });
  });

  it('are on disk before any of them is answered', async () => {
    const other = new SqliteDatabase(file, { readonly: true });
    const seen = async (text: string): Promise<unknown> => {
      await note(text);
      return other.prepare('select count(*) as many from events').get();
    };
    expect(await Promise.all([seen('one'), seen('two')])).toEqual([{ many: 2 }, { many: 2 }]);
    other.close();
  });

  it('are written when one beside them finds the disk full', async () => {
    const pages = await sql<{ page_count: number }>`pragma page_count`.execute(db);
    await sql.raw(`pragma max_page_count = ${(pages.rows[0]?.page_count ?? 0) + 4}`).execute(db);
    const tooLarge = expectRefusal(note('x'.repeat(1_000_000)), 'CAPACITY_EXHAUSTED', /disk of the ledger is full/);
    await Promise.all([note('before'), tooLarge, note('after')]);
    expect((await texts()).toSorted()).toEqual(['after', 'before']);
    expect(await verifyChain(db)).toMatchObject({ events: 2, broken: [] });
  });

  it('are all refused when their commit fails, also those that had failed by what another wrote', async () => {
    await sql`pragma foreign_keys = on`.execute(db);
    await sql`create table parents (id integer primary key)`.execute(db);
    await sql`create table children (parent integer references parents (id) deferrable initially deferred)`.execute(db);
    const orphan = store.write(async (transaction) => {
      await transaction.appendNote(event('orphan'));
      await sql`insert into children values (1)`.execute(transaction.db);
    });
    const failing = store.write(() => Promise.reject(new TypeError('a bug')));
    const refused = await Promise.allSettled([note('before'), orphan, failing]);
    expect(refused).toMatchObject(
      Array.from({ length: 3 }, () => ({ status: 'rejected', reason: { code: 'CONFLICT' } })),
    );
    expect(await texts()).toEqual([]);
    await note('again');
    expect(await texts()).toEqual(['again']);
  });

  it('all hear that another process holds the ledger', async () => {
    const other = new SqliteDatabase(file);
    other.exec('begin immediate');
    const refused = await Promise.allSettled([note('one'), note('two')]);
    other.exec('rollback');
    other.close();
    expect(refused).toMatchObject(
      Array.from({ length: 2 }, () => ({ status: 'rejected', reason: { code: 'UNAVAILABLE' } })),
    );
    expect(await texts()).toEqual([]);
  });

  it('are waited for by whoever closes the ledger', async () => {
    const written = note('last');
    await store.close();
    await written;
    const other = new SqliteDatabase(file, { readonly: true });
    expect(other.prepare('select count(*) as many from events').get()).toEqual({ many: 1 });
    other.close();
  });

  it('to a ledger that is closed are refused', async () => {
    await note('in time');
    await store.close();
    await expectRefusal(note('late'), 'UNAVAILABLE');
  });
});
