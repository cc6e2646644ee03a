import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import SqliteDatabase from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { isBusy, ledgerFailure, locked } from './failures.ts';
import { patience } from './store.ts';
import type { Tables } from './schema.ts';

export interface OpenDatabase {
  readonly db: Kysely<Tables>;
  /** Identifies where the ledger lies; see `witness.ts`. */
  place(): Promise<string>;
}

/** Opens or makes the file: mode 0600 from the start, write-ahead log, every commit on disk before it is answered. */
export async function openSqlite(path: string): Promise<OpenDatabase> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, 'a', 0o600));
    // SQLite gives -wal and -shm the mode of the file.
    chmodSync(path, 0o600);
    const database = await openPatiently(path);
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
    return { db, place: async () => `inode:${statSync(path).ino}` };
  } catch (thrown) {
    throw ledgerFailure(thrown);
  }
}

async function openPatiently(path: string): Promise<SqliteDatabase.Database> {
  const until = performance.now() + patience;
  for (;;) {
    // Short: `begin` waits without blocking the process; this covers the moments where SQLite itself must wait.
    const database = new SqliteDatabase(path, { timeout: 100 });
    try {
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = FULL');
      database.pragma('trusted_schema = OFF');
      database.prepare('select count(*) from sqlite_schema').get();
      return database;
    } catch (thrown) {
      database.close();
      if (!isBusy(thrown)) throw thrown;
      if (performance.now() >= until) throw locked(thrown);
      await delay(10 + Math.random() * 40);
    }
  }
}
