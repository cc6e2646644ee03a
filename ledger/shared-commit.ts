import { setImmediate as turn } from 'node:timers/promises';
import { readHead } from './chain.ts';
import { onConnection, statement } from './compiled.ts';
import type { Head } from './chain.ts';
import type { Disk } from '../domain/keep-on-disk.ts';
import type { Db } from './schema.ts';
import type { Transaction } from './transaction.ts';

export interface Written<Result> {
  readonly result: Result;
  readonly head: Head | undefined;
}

export interface SharedCommit {
  readonly write: <Result>(work: (transaction: Transaction) => Promise<Result>) => Promise<Written<Result>>;
  /** Resolves when nobody waits. */
  idle(): Promise<void>;
}

export interface Over {
  readonly db: Db;
  readonly begin: (connection: Db) => Promise<void>;
  readonly transaction: (connection: Db, held: Head) => Promise<Transaction>;
  readonly rollBack: (connection: Db) => Promise<void>;
  readonly disk: Disk | undefined;
}

interface Waiting {
  /** The work, in a savepoint of its own; answers how to tell its caller once it is on disk. */
  readonly attempt: (connection: Db, held: Head) => Promise<Attempted>;
  readonly refuse: (thrown: unknown) => void;
}

type Refusable = Pick<Waiting, 'refuse'>;

interface Attempted {
  readonly tell: () => void;
  /** The newest event after it. */
  readonly head: Head;
}

const savepoint = statement('savepoint own');
const undo = statement('rollback to own');
const release = statement('release own');
const commit = statement('commit');

/** Works that share one commit at the most: readers of this process wait for it. */
const most = 16;

/**
 * SQLite has one writer, and every commit waits for the disk. Writes that wait at the same moment share one commit: each
 * is whole or absent by itself, and none is answered before it is on disk. A work may be run again when what ran beside
 * it took the whole transaction down.
 */
export function sharedCommit({ db, begin, transaction, rollBack, disk }: Over): SharedCommit {
  const queue: Waiting[] = [];
  const settling = new Set<Promise<void>>();
  let running: Promise<void> | undefined;

  return {
    write: (work) =>
      new Promise((resolve, reject) => {
        queue.push({
          attempt: async (connection, held) => {
            const own = await transaction(connection, held);
            const result = await work(own);
            const head = own.head();
            return { tell: () => resolve({ result, head }), head: head ?? held };
          },
          refuse: reject,
        });
        running ??= run();
      }),
    async idle() {
      while (running !== undefined) await running;
      await Promise.all(settling);
    },
  };

  /** Never throws: every failure is somebody's answer. */
  async function run(): Promise<void> {
    // What has arrived in this turn of the event loop comes along.
    await turn();
    while (queue.length > 0) await together();
    running = undefined;
  }

  async function together(): Promise<void> {
    const some = queue.splice(0, most);
    const tellings: (() => void)[] = [];
    try {
      await onConnection(db, async (connection) => {
        await begin(connection);
        let head = await heldHead(connection);
        for (const waiting of some) {
          const answer = await attempted(connection, waiting, head, some.length === 1);
          if (answer !== 'all undone') {
            tellings.push(answer.tell);
            ({ head } = answer);
            continue;
          }
          // It has its answer; the others have done nothing wrong.
          queue.unshift(...some.filter((one) => one !== waiting));
          tellings.splice(0);
          return;
        }
        await commit(connection).catch(async (thrown: unknown) => {
          await rollBack(connection);
          throw thrown;
        });
        disk?.look();
      });
    } catch (thrown) {
      for (const { refuse } of some) refuse(thrown);
      return;
    }
    later(some, tellings);
  }

  /** The next ones are written while these wait for the disk. */
  function later(some: readonly Refusable[], tellings: readonly (() => void)[]): void {
    const settled = settle(some, tellings).finally(() => settling.delete(settled));
    settling.add(settled);
  }

  async function settle(some: readonly Refusable[], tellings: readonly (() => void)[]): Promise<void> {
    try {
      await disk?.settled();
    } catch (thrown) {
      for (const { refuse } of some) refuse(thrown);
      return;
    }
    for (const tell of tellings) tell();
  }

  /** Between the start of a transaction and its end nobody else adds to the chain: its head is read once. */
  async function heldHead(connection: Db): Promise<Head> {
    const head = await readHead(connection);
    if (head === undefined) throw new TypeError('the chain has no head');
    return head;
  }

  /**
   * Undoes what fails, and it alone. Its caller hears of it after the commit, as it may have failed by what another wrote
   * just before. A failure of the disk undoes the whole transaction.
   */
  async function attempted(
    connection: Db,
    { attempt, refuse }: Waiting,
    head: Head,
    alone: boolean,
  ): Promise<Attempted | 'all undone'> {
    try {
      if (alone) return await attempt(connection, head);
      await savepoint(connection);
      const done = await attempt(connection, head);
      await release(connection);
      return done;
    } catch (thrown) {
      try {
        await undo(connection);
        await release(connection);
        return { tell: () => refuse(thrown), head };
      } catch (gone) {
        // There is no savepoint: it went with the transaction, or was not needed.
        void gone;
        disk?.look();
        await rollBack(connection);
        later([{ refuse }], [() => refuse(thrown)]);
        return 'all undone';
      }
    }
  }
}
