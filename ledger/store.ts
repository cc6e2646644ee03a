import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { onConnection, statement } from './compiled.ts';
import { KeybatonError } from '../domain/errors.ts';
import { readHead, type Head } from './chain.ts';
import type { Disk } from '../domain/keep-on-disk.ts';
import { isBusy, ledgerFailure, locked, lostRace } from './failures.ts';
import type { Dialect } from './migrations.ts';
import type { Db } from './schema.ts';
import { sharedCommit, type Written } from './shared-commit.ts';
import { openTransaction } from './transaction.ts';
import type { Transaction } from './transaction.ts';

const beginReading = {
  sqlite: statement('begin'),
  postgres: statement('begin isolation level repeatable read read only'),
} as const;
const beginWriting = { sqlite: statement('begin immediate'), postgres: statement('begin') } as const;
const rollBackNow = statement('rollback');
export const commitNow = statement('commit');

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

export function openStore(db: Db, dialect: Dialect, clock: (() => number) | undefined, disk?: Disk): Store {
  const listeners: ((head: Head) => void)[] = [];

  async function ownTime(connection: Db, newest: { readonly at: number } | undefined): Promise<number> {
    const now = clock === undefined ? await databaseTime(connection, dialect) : clock();
    return Math.max(Math.floor(now), newest?.at ?? 0);
  }

  /** `held`: the head, where nobody else can add to the chain until this transaction ends. */
  const transaction = async (connection: Db, held?: Head): Promise<Transaction> =>
    openTransaction(connection, dialect, await ownTime(connection, held ?? (await readHead(connection))), held);
  const shared = sharedCommit({ db, begin: (connection) => begin(connection, dialect), transaction, rollBack, disk });

  /** PostgreSQL lets writers run side by side, and gathers their commits by itself. */
  async function attempt<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Written<Result>> {
    return onConnection(db, async (connection) => {
      await begin(connection, dialect);
      let head: Head | undefined;
      let result: Result;
      try {
        const own = await transaction(connection);
        result = await work(own);
        head = own.head();
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
      await commitNow(connection);
    } catch (thrown) {
      await rollBack(connection);
      if (head === undefined || ledgerFailure(thrown).code !== 'UNAVAILABLE') throw thrown;
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
        return await onConnection(db, async (connection) => {
          await beginReading[dialect](connection);
          try {
            return await work(connection, await ownTime(connection, await readHead(connection)));
          } finally {
            disk?.look();
            await rollBack(connection);
          }
        });
      } catch (thrown) {
        throw ledgerFailure(thrown);
      } finally {
        // Nobody acts on what a power cut could still take back.
        await disk?.settled();
      }
    },
    async write(work) {
      for (let tries = 1; ; tries += 1) {
        try {
          const { result, head } = await (dialect === 'sqlite' ? shared.write(work) : attempt(work));
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
      await shared.idle();
      await db.destroy();
      await disk?.close();
    },
  };
}

/** Waits without blocking the process: SQLite's own busy handler would stop every timer and heartbeat meanwhile. */
export async function begin(connection: Db, dialect: Dialect): Promise<void> {
  if (dialect === 'postgres') {
    await beginWriting.postgres(connection);
    return;
  }
  const until = performance.now() + patience;
  for (;;) {
    try {
      await beginWriting.sqlite(connection);
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
    await rollBackNow(connection);
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
