/**
 * One application, as a process of its own. It is told on stdin where keybaton is, its own token, and where its work is:
 * nothing else. It reads its secret through the SDK, works with it without a break, and says on stdout how that goes.
 * Later lines on stdin switch it: `{"takesNew": false}` keeps it on the version it holds, as an application does that was
 * not told to reload.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, isRefused } from '../../consumer/connect.ts';
import { databaseWork } from './database-work.ts';
import { modelWork } from './model-work.ts';

export interface ConsumerOrders {
  readonly url: string;
  readonly token: string;
  readonly credential: string;
  readonly consumer: string;
  /** Milliseconds between two queries: 25. */
  readonly between?: number;
  /** It proves each version that it reads, and goes on with the first one that it ever held. */
  readonly keepsFirst?: boolean;
  readonly work:
    | { readonly kind: 'database'; readonly port: number; readonly database: string; readonly query: string }
    | { readonly kind: 'models'; readonly url: string };
}

export interface Counts {
  queries: number;
  newConnections: number;
  /** The application got no answer, not even at the second try. */
  failedQueries: number;
  /** Refused once, answered with the credential as it was then. */
  retriedQueries: number;
}

export interface Work {
  /** One query. Throws what the client threw. */
  run(fields: Readonly<Record<string, string>>): Promise<void>;
  close(): Promise<void>;
}

const betweenReports = 250;

const lines = createInterface({ input: process.stdin });
// The driver is the only writer of the first line, and this is what it writes.
const [first] = (await once(lines, 'line')) as [string];
const orders = JSON.parse(first) as ConsumerOrders;

const counts: Counts = { queries: 0, newConnections: 0, failedQueries: 0, retriedQueries: 0 };
const work = orders.work.kind === 'database' ? databaseWork(orders.work, counts) : modelWork(orders.work);
let takesNew = true;
let running = true;
let lastError = '';
let held: Readonly<Record<string, string>> | undefined;

lines.on('line', (line) => {
  const order = JSON.parse(line) as { readonly takesNew?: boolean; readonly leave?: boolean };
  takesNew = order.takesNew ?? takesNew;
  if (order.leave === true) running = false;
});
// Whoever started us is gone.
lines.on('close', () => process.exit(0));

const keys = connect({
  url: orders.url,
  token: orders.token,
  credential: orders.credential,
  consumer: orders.consumer,
  instance: `${orders.consumer}-0`,
  lease: 10_000,
  isRefused: (error) => isRefused(error) || lacksGrant(error),
});

/** PostgreSQL's "permission denied": the login works, but not for what we do. */
function lacksGrant(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === '42501';
}

async function query(): Promise<void> {
  let tries = 0;
  counts.queries += 1;
  try {
    if (takesNew || held === undefined) {
      await keys.use(async (fields) => {
        tries += 1;
        const used = orders.keepsFirst === true ? (held ?? fields) : fields;
        await work.run(used);
        held = used;
      });
    } else {
      await work.run(held);
    }
  } catch (error) {
    counts.failedQueries += 1;
    lastError = code(error);
  }
  if (tries > 1) counts.retriedQueries += 1;
}

/** Never the message: another program's text may hold anything. */
function code(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown';
  return 'code' in error ? String(error.code) : error instanceof Error ? error.name : 'unknown';
}

function report(): void {
  process.stdout.write(`${JSON.stringify({ ...counts, ...(lastError === '' ? {} : { lastError }) })}\n`);
}

const reports = setInterval(report, betweenReports);
while (running) {
  await query();
  await wait(orders.between ?? 25);
}
clearInterval(reports);
await work.close();
await keys.leave().catch(() => undefined);
report();
process.exit(0);
