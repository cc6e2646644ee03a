import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { patience } from './store.ts';
import type { OpenDatabase } from './sqlite.ts';
import type { Tables } from './schema.ts';

const { INT8 } = pg.types.builtins;

/** A pool on the ledger's database. Waits and idle transactions are bounded, so that a stopped worker cannot hold a lock for ever. */
export function openPostgres(url: string): OpenDatabase {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: patience,
    lock_timeout: patience,
    statement_timeout: 30_000,
    query_timeout: 35_000,
    idle_in_transaction_session_timeout: 30_000,
    application_name: 'keybaton-ledger',
    keepAlive: true,
    // Event numbers and milliseconds stay far below 2^53.
    types: {
      getTypeParser: (oid, format) =>
        oid === INT8 ? Number : (pg.types.getTypeParser(oid, format) as (value: string) => unknown),
    },
  });
  // A connection that dies between two statements reports it here; whoever uses it next gets the error.
  pool.on('error', leaveToTheNextUse);
  pool.on('connect', (client) => client.on('error', leaveToTheNextUse));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return {
    db,
    async place() {
      const answer = await sql<{ place: string }>`
        select (select system_identifier from pg_control_system())::text || ':' || oid::text || ':' || current_schema() as place
        from pg_database where datname = current_database()`.execute(db);
      return `postgres:${answer.rows[0]?.place ?? ''}`;
    },
  };
}

function leaveToTheNextUse(thrown: unknown): void {
  void thrown;
}
