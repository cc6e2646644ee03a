import { cpSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLedger } from '../../ledger/open.ts';
import { openSqlite } from '../../ledger/sqlite.ts';
import { openStore } from '../../ledger/store.ts';
import { peopleTransactions } from '../../ledger/transactions-people.ts';
import { bot, entry } from './fixtures.ts';
import { filePath, sqlitePlace } from './places.ts';
import { expectRefusal, expectSound } from './scenario.ts';

const place = sqlitePlace();
beforeAll(() => place.start());
afterAll(() => place.stop());

const note = { kind: 'written', actor: 'os:tester', body: {} };
const apply = { teams: ['support'], entries: [entry()], targets: {}, actor: 'os:tester' };

describe('the file of an embedded ledger', () => {
  it('is readable by its owner alone', async () => {
    const url = await place.fresh();
    const ledger = await openLedger({ url });
    await ledger.note(note);
    for (const suffix of ['', '-wal', '-shm', '.witness']) {
      expect([suffix, statSync(filePath(url) + suffix).mode & 0o777]).toEqual([suffix, 0o600]);
    }
    await ledger.close();
  });

  it('that another process locks is waited for without blocking this one, and then given up', async () => {
    const url = await place.fresh();
    const ledger = await openLedger({ url });
    const other = new SqliteDatabase(filePath(url));
    other.exec('begin immediate');
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 50);
    await expectRefusal(ledger.note(note), 'UNAVAILABLE', /locked by another process/);
    clearInterval(timer);
    other.exec('rollback');
    other.close();
    // A blocked process would have ticked once or twice in these five seconds.
    expect(ticks).toBeGreaterThan(10);
    await ledger.note(note);
    expect(await ledger.history({ limit: 9 })).toHaveLength(1);
    await ledger.close();
  });

  it('takes many writes and reads of one process at once', async () => {
    const ledger = await openLedger({ url: await place.fresh() });
    await ledger.applyInventory(apply);
    const calls = Array.from({ length: 50 }, (_, index) => (index % 5 === 0 ? ledger.facts(bot) : ledger.note(note)));
    await Promise.all(calls);
    expect(await ledger.history({ limit: 100 })).toHaveLength(42);
    await expectSound(ledger);
    await ledger.close();
  });

  it('that another process locks for a moment is written to afterwards', async () => {
    const url = await place.fresh();
    const ledger = await openLedger({ url });
    const other = new SqliteDatabase(filePath(url));
    other.exec('begin immediate');
    setTimeout(() => other.exec('rollback'), 300);
    await ledger.note(note);
    other.close();
    await ledger.close();
  });

  it('on a full disk takes nothing, says so, and goes on when there is room again', async () => {
    const url = await place.fresh();
    await (await openLedger({ url })).close();
    const { db } = await openSqlite(filePath(url));
    const store = openStore(db, 'sqlite', undefined);
    const { note: write } = peopleTransactions(store);
    const pages = await sql<{ page_count: number }>`pragma page_count`.execute(db);
    await sql.raw(`pragma max_page_count = ${pages.rows[0]?.page_count ?? 0}`).execute(db);
    await expectRefusal(
      write({ ...note, body: { text: 'x'.repeat(100_000) } }),
      'CAPACITY_EXHAUSTED',
      /disk of the ledger is full/,
    );
    await sql`pragma max_page_count = 1000000`.execute(db);
    await write(note);
    await store.close();
    const ledger = await openLedger({ url });
    expect((await ledger.history({ limit: 9 })).map((event) => event.n)).toEqual([1]);
    await expectSound(ledger);
    await ledger.close();
  });

  it('that is damaged or no database is refused clearly', async () => {
    const url = await place.fresh();
    mkdirSync(dirname(filePath(url)), { recursive: true });
    writeFileSync(filePath(url), 'this is not a database, and never was one. '.repeat(200));
    await expectRefusal(openLedger({ url }), 'INVALID_CONFIG', /damaged or no SQLite database/);
  });

  it('in a folder that cannot be made is refused clearly', async () => {
    await expectRefusal(openLedger({ url: 'sqlite:/dev/null/ledger/ledger.db' }), 'UNAVAILABLE', /check folder/);
    await expectRefusal(openLedger({ url: 'sqlite:relative.db' }), 'INVALID_CONFIG', /absolute/);
    await expectRefusal(openLedger({ url: 'mysql://x' }), 'INVALID_CONFIG');
  });

  it('belongs to one machine, and observes after it moved', async () => {
    const url = await place.fresh();
    const first = await openLedger({ url, host: 'one' });
    await first.applyInventory(apply);
    await first.close();
    await expectRefusal(openLedger({ url, host: 'two' }), 'INVALID_CONFIG', /belongs to machine one/);
    const moved = await openLedger({ url, host: 'two', movedHere: true });
    expect((await moved.facts(bot)).observeOnly).toBe(true);
    await moved.close();
    await expectRefusal(openLedger({ url, host: 'one' }), 'INVALID_CONFIG', /belongs to machine two/);
  });

  it('observes when it was copied, with its witness or without', async () => {
    const url = await place.fresh();
    const original = await openLedger({ url });
    await original.applyInventory(apply);
    await original.close();
    const file = filePath(url);
    cpSync(file, `${file}.alone`);
    cpSync(file, `${file}.both`);
    cpSync(`${file}.witness`, `${file}.both.witness`);
    for (const [copy, observeOnly] of [
      [`${url}.alone`, true],
      [`${url}.both`, true],
      [url, false],
    ] as const) {
      const ledger = await openLedger({ url: copy });
      expect([copy, (await ledger.facts(bot)).observeOnly]).toEqual([copy, observeOnly]);
      await ledger.close();
    }
  });

  it('observes when an earlier copy of it was put back', async () => {
    const url = await place.fresh();
    const ledger = await openLedger({ url });
    await ledger.applyInventory(apply);
    await ledger.close();
    cpSync(filePath(url), `${filePath(url)}.backup`);
    const later = await openLedger({ url });
    await later.note(note);
    await later.close();
    cpSync(`${filePath(url)}.backup`, filePath(url));
    const restored = await openLedger({ url });
    expect((await restored.facts(bot)).observeOnly).toBe(true);
    await restored.close();
  });
});
