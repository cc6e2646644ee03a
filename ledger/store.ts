import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { KeybatonError } from '../domain/errors.ts';
import type { Head } from './chain.ts';
import { isBusy, ledgerFailure, locked, lostRace } from './failures.ts';
import type { Dialect } from './migrations.ts';
import type { Db } from './schema.ts';
import { openTransaction } from './transaction.ts';
import type { Transaction } from './transaction.ts';

/** How long a write waits for another process before it answers UNAVAILABLE. */
export const patience = 5_000;

/** Reads and writes of one open ledger; every failure leaves here as a `KeybatonError`. */
export interface Store {
  readonly dialect: Dialect;
  /** One snapshot: nothing read inside changes meanwhile. */
  read<Result>(work: (db: Db, now: number) => Promise<Result>): Promise<Result>;
  write<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Called after each commit that appended events. */
  onCommit(listener: (head: Head) => void): void;
  close(): Promise<void>;
}

export function openStore(db: Db, dialect: Dialect, clock: (() => number) | undefined): Store {
  const listeners: ((head: Head) => void)[] = [];

  async function ownTime(connection: Db): Promise<number> {
    const newest = await connection.selectFrom('chain').select('at').where('id', '=', 1).executeTakeFirst();
    const now = clock === undefined ? await databaseTime(connection, dialect) : clock();
    return Math.max(Math.floor(now), newest?.at ?? 0);
  }

  async function attempt<Result>(
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<{ result: Result; head: Head | undefined }> {
    return db.connection().execute(async (connection) => {
      await begin(connection, dialect);
      let head: Head | undefined;
      let result: Result;
      try {
        const transaction = openTransaction(connection, dialect, await ownTime(connection));
        result = await work(transaction);
        head = transaction.head();
      } catch (thrown) {
        await rollBack(connection);
        throw thrown;
      }
      await commit(connection, head);
      return { result, head };
    });
  }

  /** A commit that broke off may have happened. Whoever holds the head's lock sees which. */
  async function commit(connection: Db, head: Head | undefined): Promise<void> {
    try {
      await sql`commit`.execute(connection);
    } catch (thrown) {
      await rollBack(connection);
      if (dialect === 'sqlite' || head === undefined || ledgerFailure(thrown).code !== 'UNAVAILABLE') throw thrown;
      if (!(await happened(head))) throw thrown;
    }
  }

  async function happened(head: Head): Promise<boolean> {
    try {
      return await db.transaction().execute(async (transaction) => {
        await transaction.selectFrom('chain').select('n').where('id', '=', 1).forUpdate().execute();
        const row = await transaction.selectFrom('events').select('hash').where('n', '=', head.n).executeTakeFirst();
        return row?.hash === head.hash;
      });
    } catch (thrown) {
      throw new KeybatonError(
        'AMBIGUOUS',
        'the ledger went away while a write was ending: it may have happened; the same write again is safe',
        { cause: thrown },
      );
    }
  }

  return {
    dialect,
    async read(work) {
      try {
        return await db.connection().execute(async (connection) => {
          await sql
            .raw(dialect === 'sqlite' ? 'begin' : 'begin isolation level repeatable read read only')
            .execute(connection);
          try {
            return await work(connection, await ownTime(connection));
          } finally {
            await rollBack(connection);
          }
        });
      } catch (thrown) {
        throw ledgerFailure(thrown);
      }
    },
    async write(work) {
      for (let tries = 1; ; tries += 1) {
        try {
          const { result, head } = await attempt(work);
          if (head !== undefined) for (const listener of listeners) listener(head);
          return result;
        } catch (thrown) {
          if (!lostRace(thrown) || tries === 5) throw ledgerFailure(thrown);
        }
      }
    },
    onCommit(listener) {
      listeners.push(listener);
    },
    async close() {
      await db.destroy();
    },
  };
}

/** Waits without blocking the process: SQLite's own busy handler would stop every timer and heartbeat meanwhile. */
export async function begin(connection: Db, dialect: Dialect): Promise<void> {
  if (dialect === 'postgres') {
    await sql`begin`.execute(connection);
    return;
  }
  const until = performance.now() + patience;
  for (;;) {
    try {
      await sql`begin immediate`.execute(connection);
      return;
    } catch (thrown) {
      if (!isBusy(thrown)) throw thrown;
      if (performance.now() >= until) throw locked(thrown);
      await delay(5 + Math.random() * 20);
    }
  }
}

/** What failed before is what matters: a connection that cannot roll back is broken, and its database rolls back by itself. */
export async function rollBack(connection: Db): Promise<void> {
  try {
    await sql`rollback`.execute(connection);
  } catch (thrown) {
    void thrown;
  }
}

async function databaseTime(connection: Db, dialect: Dialect): Promise<number> {
  if (dialect === 'sqlite') return Date.now();
  const answer = await sql<{
    now: string;
  }>`select floor(extract(epoch from clock_timestamp()) * 1000)::text as now`.execute(connection);
  return Number(answer.rows[0]?.now);
}
