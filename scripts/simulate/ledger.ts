/** The real ledger, in memory: its tables are made once in a process and emptied for every seed. */
import SqliteDatabase from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import type { CredentialFacts } from '../../domain/facts.ts';
import type { Head } from '../../ledger/chain.ts';
import { ledgerFailure } from '../../ledger/failures.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { migrate } from '../../ledger/migrations.ts';
import { ledgerOver } from '../../ledger/open.ts';
import type { Tables } from '../../ledger/schema.ts';
import type { Store } from '../../ledger/store.ts';
import { openTransaction, type Transaction } from '../../ledger/transaction.ts';
import { knownQueries } from './known-queries.ts';
import { statementsOf } from './statements.ts';

export interface LedgerOfSeeds {
  /** An empty ledger on this clock. Whoever holds the one before must not use it any more. */
  anew(clock: () => number): Ledger;
}

export const installation = 'simulate';

export async function openLedgerOfSeeds(): Promise<LedgerOfSeeds> {
  const database = new SqliteDatabase(':memory:');
  database.pragma('journal_mode = MEMORY');
  database.pragma('synchronous = OFF');
  const statements = statementsOf(database);
  const kysely = new Kysely<Tables>({ dialect: new SqliteDialect({ database: statements.database }) });
  await migrate(kysely, 'sqlite');
  const db = knownQueries(kysely, statements.prepare);
  // Only to empty it between two seeds: no code of keybaton deletes, and updates are refused here as anywhere.
  database.exec('drop trigger events_no_delete');
  const meta = database.prepare('insert into meta (key, value) values (?, ?)');
  for (const [key, value] of Object.entries({ installation, everything: '', host: 'simulation' })) meta.run(key, value);
  const tables = database
    .prepare(`select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'`)
    .pluck()
    .all()
    .map(String);
  const pristine = tables.map((table) => {
    // Written by `migrate` and just above.
    const rows = database.prepare(`select * from ${table}`).all() as Record<string, unknown>[];
    const columns = Object.keys(rows[0] ?? {});
    const insert = `insert into ${table} (${columns.join()}) values (${columns.map(() => '?').join()})`;
    return {
      empty: database.prepare(`delete from ${table}`),
      fill: rows.length === 0 ? undefined : database.prepare(insert),
      rows: rows.map((row) => Object.values(row)),
    };
  });
  const empty = database.transaction(() => {
    for (const { empty: all, fill, rows } of pristine) {
      all.run();
      for (const row of rows) fill?.run(row);
    }
  });

  return {
    anew(clock) {
      if (database.inTransaction) database.exec('rollback');
      empty();
      statements.undone();
      const store = storeOver(database, db, clock, () => statements.undone());
      const ledger = { ...ledgerOver(store, installation), close: async () => undefined };
      return readOnce(ledger, clock, () => statements.changes(tables));
    },
  };
}

/**
 * Transactions one after the other, as `openStore` has them for a file that nobody else has open: that one asks Kysely for
 * `begin` and `commit`, and takes time from the database for each.
 */
function storeOver(
  database: SqliteDatabase.Database,
  db: Kysely<Tables>,
  clock: () => number,
  undone: () => void,
): Store {
  const [begin, commit] = ['begin immediate', 'commit'].map((text) => database.prepare(text));
  // Written by `migrate`, and by nobody but the transactions below.
  let head = database.prepare('select n, at, hash from chain where id = 1').get() as Head;
  const time = (): number => Math.max(Math.floor(clock()), head.at);
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    const turn = last.then(act);
    last = turn.catch(() => undefined);
    try {
      return await turn;
    } catch (thrown) {
      throw ledgerFailure(thrown);
    }
  };
  async function alone<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    begin?.run();
    try {
      const transaction = openTransaction(db, 'sqlite', time(), head);
      const result = await work(transaction);
      commit?.run();
      head = transaction.head() ?? head;
      return result;
    } catch (thrown) {
      if (database.inTransaction) database.exec('rollback');
      undone();
      throw thrown;
    }
  }
  return {
    dialect: 'sqlite',
    // Nobody writes meanwhile.
    read: (work) => inTurn(() => work(db, time())),
    write: (work) => inTurn(() => alone(work)),
    onCommit: () => undefined,
    close: async () => undefined,
  };
}

/** Readings that nothing was written after are done once: they differ by their time alone. */
function readOnce(ledger: Ledger, clock: () => number, changes: () => number): Ledger {
  const facts = new Map<string, CredentialFacts>();
  let known = changes();
  return {
    ...ledger,
    clock: async () => Math.floor(clock()),
    async facts(credential) {
      if (known !== changes()) facts.clear();
      known = changes();
      const before = facts.get(credential);
      if (before !== undefined) return { ...before, now: Math.floor(clock()) };
      const then = known;
      const read = await ledger.facts(credential);
      if (then === changes()) facts.set(credential, read);
      return read;
    },
  };
}
