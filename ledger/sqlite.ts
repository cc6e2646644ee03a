import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import SqliteDatabase from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import type { SqliteDatabase as SqliteDatabaseOfKysely } from 'kysely';
import { runDirectly } from './compiled.ts';
import { diskOf } from './disk.ts';
import type { Disk } from '../domain/keep-on-disk.ts';
import { isBusy, ledgerFailure, locked } from './failures.ts';
import { patience } from './store.ts';
import type { Tables } from './schema.ts';

export interface OpenDatabase {
  readonly db: Kysely<Tables>;
  /** Identifies where the ledger lies; see `witness.ts`. */
  place(): Promise<string>;
  /** What keeps commits on disk where a commit does not do so by itself. */
  readonly disk?: Disk;
}

/** Opens or makes the file: mode 0600 from the start, write-ahead log, every commit on disk before it is answered. */
export async function openSqlite(path: string): Promise<OpenDatabase> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, 'a', 0o600));
    // SQLite gives -wal and -shm the mode of the file.
    chmodSync(path, 0o600);
    const database = await openPatiently(path);
    const prepared = preparedOnce(database);
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: prepared }) });
    runDirectly(db, (text) => prepared.prepare(text));
    const place = async (): Promise<string> => `inode:${statSync(path).ino}`;
    // Without a log of its own SQLite syncs what it must.
    if (database.pragma('journal_mode', { simple: true }) !== 'wal') return { db, place };
    return { db, place, disk: diskOf(database, path) };
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
      // What a savepoint would undo lies in memory, and not in a file of the machine's temporary folder.
      database.pragma('temp_store = MEMORY');
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

/** More different statements than the ledger has; those that list many ids differ by how many. */
const statementsKept = 400;

/** Each statement is compiled once: Kysely asks for it anew at every execution, which costs more than running it. */
function preparedOnce(database: SqliteDatabase.Database): SqliteDatabaseOfKysely {
  const prepared = new Map<string, SqliteDatabase.Statement>();
  return {
    close: () => void database.close(),
    prepare(text) {
      const known = prepared.get(text);
      if (known !== undefined) return known;
      const statement = database.prepare(text);
      const [oldest] = prepared.keys();
      if (prepared.size >= statementsKept && oldest !== undefined) prepared.delete(oldest);
      prepared.set(text, statement);
      return statement;
    },
  };
}
