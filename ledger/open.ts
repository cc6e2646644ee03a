import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { KeybatonError } from '../domain/errors.ts';
import { ledgerFailure } from './failures.ts';
import { keepKillSheet } from './kill-sheet.ts';
import type { Ledger } from './ledger.ts';
import { migrate } from './migrations.ts';
import type { Dialect } from './migrations.ts';
import { openPostgres } from './postgres.ts';
import { openSqlite } from './sqlite.ts';
import type { OpenDatabase } from './sqlite.ts';
import { begin, openStore, rollBack } from './store.ts';
import type { Store } from './store.ts';
import { evidenceTransactions } from './transactions-evidence.ts';
import { incidentReading } from './transactions-incident-reading.ts';
import { incidentTransactions } from './transactions-incidents.ts';
import { inventoryTransactions } from './transactions-inventory.ts';
import { killingTransactions } from './transactions-killing.ts';
import { peopleTransactions } from './transactions-people.ts';
import { promotingTransactions } from './transactions-promoting.ts';
import { readingTransactions } from './transactions-reading.ts';
import { refTransactions } from './transactions-refs.ts';
import { runTransactions } from './transactions-runs.ts';
import { sweepTransactions } from './transactions-sweeping.ts';
import { trustTransactions } from './transactions-trust.ts';
import { versionTransactions } from './transactions-versions.ts';
import { keepWitness, readWitness, restoredSince, writeWitness } from './witness.ts';

export interface OpenLedger {
  /** `sqlite:/absolute/path`, or `postgres://user:password@host/database`. */
  readonly url: string;
  /** Epoch milliseconds. Default: the machine's clock for SQLite, the database's for PostgreSQL. */
  readonly clock?: () => number;
  /** Where to keep the kill sheet up to date; none without it. */
  readonly killSheet?: string;
  /** The name of this machine; an embedded ledger belongs to one. Default: the host name. */
  readonly host?: string;
  /** A person says that the embedded ledger moved to this machine for good. It then observes until `reconciled`. */
  readonly movedHere?: boolean;
}

/**
 * Opens the ledger, making or migrating its tables; any number of processes may do so at once.
 * Throws INVALID_CONFIG (bad URL, newer schema, damaged file, another machine's file), UNAVAILABLE, CAPACITY_EXHAUSTED, ACCESS_DENIED.
 */
export async function openLedger(options: OpenLedger): Promise<Ledger> {
  const { dialect, path } = readUrl(options.url);
  const database = path === undefined ? openPostgres(options.url) : await openSqlite(path);
  try {
    return await assemble(database, dialect, path, options);
  } catch (thrown) {
    await database.db.destroy();
    await database.disk?.close();
    throw ledgerFailure(thrown);
  }
}

async function assemble(
  database: OpenDatabase,
  dialect: Dialect,
  path: string | undefined,
  options: OpenLedger,
): Promise<Ledger> {
  const { db } = database;
  const host = options.host ?? hostname();
  const moved = await prepare(db, dialect, path === undefined ? undefined : host, options.movedHere === true);
  const store = openStore(db, dialect, options.clock, database.disk);
  const installation = await metaValue(store, 'installation');

  const witnessPath = path === undefined ? options.killSheet && `${options.killSheet}.witness` : `${path}.witness`;
  let witness: ReturnType<typeof keepWitness> | undefined;
  if (witnessPath !== undefined) {
    const known = { installation, place: await database.place() };
    const head = await store.write(async (transaction) => {
      // Read under the lock: whoever wrote an event before it has left a witness before that.
      const earlier = await readWitness(witnessPath);
      // A worker of a shared database may be new on its machine: only an embedded ledger must have left a witness.
      const restored =
        moved ??
        (earlier === 'missing' && path === undefined ? undefined : await restoredSince(transaction.db, earlier, known));
      if (restored !== undefined) await transaction.append({ kind: 'ledger.restored', body: { why: restored } });
      return transaction.db
        .selectFrom('chain')
        .select(['n', 'at', 'hash'])
        .where('id', '=', 1)
        .executeTakeFirstOrThrow();
    });
    // Before anything is written here: without it, a crash now would look like a missing witness.
    await writeWitness(witnessPath, { ...known, n: head.n, hash: head.hash });
    const keeping = keepWitness(witnessPath, known, head);
    witness = keeping;
    store.onCommit((head) => keeping.seen(head));
  }
  const killSheet =
    options.killSheet === undefined ? undefined : await keepKillSheet(store, options.killSheet, installation);

  return {
    ...ledgerOver(store, installation),
    async close() {
      await killSheet?.close();
      await witness?.close();
      await store.close();
    },
  };
}

/** Every transaction of the ledger over an open store that has its tables; the store's owner closes it. */
export function ledgerOver(store: Store, installation: string): Omit<Ledger, 'close'> {
  return {
    ...readingTransactions(store),
    ...inventoryTransactions(store),
    ...refTransactions(store),
    ...runTransactions(store),
    ...versionTransactions(store),
    ...promotingTransactions(store),
    ...evidenceTransactions(store),
    ...killingTransactions(store),
    ...peopleTransactions(store),
    ...incidentTransactions(store),
    ...incidentReading(store),
    ...trustTransactions(store),
    ...sweepTransactions(store),
    installation: async () => installation,
  };
}

/** Tables, installation name and host, under a lock that every opener takes. Answers why a moved ledger must be distrusted. */
async function prepare(
  db: OpenDatabase['db'],
  dialect: Dialect,
  host: string | undefined,
  movedHere: boolean,
): Promise<string | undefined> {
  return db.connection().execute(async (connection) => {
    await begin(connection, dialect);
    try {
      if (dialect === 'postgres')
        await sql`select pg_advisory_xact_lock(hashtext('keybaton-migrations'))`.execute(connection);
      await migrate(connection, dialect);
      const rows = await connection.selectFrom('meta').selectAll().execute();
      const meta = new Map(rows.map((row) => [row.key, row.value]));
      const set = async (key: string, value: string): Promise<void> => {
        await connection
          .insertInto('meta')
          .values({ key, value })
          .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
          .execute();
      };
      if (!meta.has('installation')) await set('installation', randomName());
      if (!meta.has('everything')) await set('everything', '');
      const owner = meta.get('host');
      if (host !== undefined && owner !== host) {
        if (owner !== undefined && !movedHere) throw otherHost(owner, host);
        await set('host', host);
      }
      await sql`commit`.execute(connection);
      return owner !== undefined && host !== undefined && owner !== host
        ? `it moved here from machine ${owner}`
        : undefined;
    } catch (thrown) {
      await rollBack(connection);
      throw thrown;
    }
  });
}

function otherHost(owner: string, host: string): KeybatonError {
  return new KeybatonError(
    'INVALID_CONFIG',
    `this embedded ledger belongs to machine ${owner} and this is ${host}: use PostgreSQL for several machines, or say that it moved here for good`,
  );
}

function readUrl(url: string): { readonly dialect: Dialect; readonly path: string | undefined } {
  if (/^postgres(ql)?:\/\//.test(url)) return { dialect: 'postgres', path: undefined };
  const path = url.startsWith('sqlite://')
    ? fileURLToPath(url.replace(/^sqlite:/, 'file:'))
    : url.replace(/^sqlite:/, '');
  if (url.startsWith('sqlite:') && path.startsWith('/')) return { dialect: 'sqlite', path };
  throw new KeybatonError(
    'INVALID_CONFIG',
    'the ledger URL is neither sqlite:/absolute/path nor postgres://user:password@host/database',
  );
}

async function metaValue(store: ReturnType<typeof openStore>, key: string): Promise<string> {
  const row = await store.read((db) =>
    db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirstOrThrow(),
  );
  return row.value;
}

function randomName(): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('');
}
