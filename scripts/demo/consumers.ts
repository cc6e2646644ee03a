import { startScript } from '../servers/child-process.ts';
import { poll } from '../servers/poll.ts';
import type { ConsumerOrders, Counts } from './consumer.ts';

export interface Consumer {
  readonly name: string;
  readonly pid: number;
  readonly counts: () => Counts;
  /** Code of the last error whose application got no answer. */
  readonly lastError: () => string | undefined;
  /** False: it stays on the version it holds and proves nothing. */
  takeNew(takesNew: boolean): void;
  /** Waits until it has made this many more queries, however they went. */
  queriesMore(many: number): Promise<void>;
  leave(): Promise<void>;
}

const numberOf = (said: Readonly<Record<string, unknown>>, name: keyof Counts): number => {
  const value = said[name];
  return typeof value === 'number' ? value : 0;
};

/** Starts one application. Its token goes through its stdin: arguments and environment can be read by others. */
export async function startConsumer(orders: ConsumerOrders, logFile: string): Promise<Consumer> {
  const program = await startScript({ file: new URL('consumer.ts', import.meta.url), logFile });
  program.stdin.write(`${JSON.stringify(orders)}\n`);
  let counts: Counts = { queries: 0, newConnections: 0, failedQueries: 0, retriedQueries: 0 };
  let lastError: string | undefined;
  // The output so far is kept by the program; the last whole line tells where it stands.
  function look(): Counts {
    const text = program.output();
    const end = text.lastIndexOf('\n');
    const line = end === -1 ? '' : text.slice(text.lastIndexOf('\n', end - 1) + 1, end);
    if (!line.startsWith('{')) return counts;
    const said = JSON.parse(line) as Readonly<Record<string, unknown>>;
    counts = {
      queries: numberOf(said, 'queries'),
      newConnections: numberOf(said, 'newConnections'),
      failedQueries: numberOf(said, 'failedQueries'),
      retriedQueries: numberOf(said, 'retriedQueries'),
    };
    if (typeof said['lastError'] === 'string') lastError = said['lastError'];
    return counts;
  }
  const tell = (order: object): void => void program.stdin.write(`${JSON.stringify(order)}\n`);
  return {
    name: orders.consumer,
    pid: program.pid,
    counts: look,
    lastError: () => (look(), lastError),
    takeNew: (takesNew) => tell({ takesNew }),
    async queriesMore(many) {
      const target = look().queries + many;
      await poll(() => look().queries >= target, { what: `${orders.consumer} making ${many} more queries` });
    },
    async leave() {
      tell({ leave: true });
      await program.ended;
      look();
    },
  };
}
