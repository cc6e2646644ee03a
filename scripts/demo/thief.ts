/**
 * Who stole a login, as a process of its own: one session that it keeps open, and a new connection again and again. It is
 * told on stdin what it stole, and says on stdout, once in a while, what it got away with. It does not know when to stop.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';

export interface Loot {
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: string;
}

export interface Catch {
  /** Queries that were answered. */
  readonly answered: number;
  /** When the last of them was answered, epoch milliseconds; 0: none was. */
  readonly lastAt: number;
  /** Every moment at which one was answered, since the last report. */
  readonly at: readonly number[];
  /** New connections that were refused. */
  readonly refused: number;
  /** The open session was ended from outside. */
  readonly thrownOut: boolean;
}

const lines = createInterface({ input: process.stdin });
// The driver is the only writer of the first line, and this is what it writes.
const [first] = (await once(lines, 'line')) as [string];
const loot = JSON.parse(first) as Loot;
// Whoever started us is gone.
lines.on('close', () => process.exit(0));

let answered = 0;
let refused = 0;
let lastAt = 0;
let thrownOut = false;
let at: number[] = [];

async function connected(): Promise<Client> {
  const client = new Client({
    host: '127.0.0.1',
    port: loot.port,
    database: loot.database,
    user: loot.username,
    password: loot.password,
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => (thrownOut = true));
  await client.connect();
  return client;
}

async function steal(client: Client): Promise<void> {
  await client.query('select item from orders where id = 1 + floor(random() * 499)');
  answered += 1;
  lastAt = Date.now();
  at.push(lastAt);
}

async function throughTheOpenSession(): Promise<void> {
  const session = await connected();
  try {
    for (;;) {
      await steal(session);
      await wait(50);
    }
  } catch {
    thrownOut = true;
  } finally {
    await session.end().catch(() => undefined);
  }
}

async function throughNewOnes(): Promise<never> {
  for (;;) {
    try {
      const client = await connected();
      try {
        await steal(client);
      } finally {
        await client.end();
      }
    } catch {
      refused += 1;
    }
    await wait(200);
  }
}

setInterval(() => {
  const said: Catch = { answered, lastAt, at, refused, thrownOut };
  at = [];
  process.stdout.write(`${JSON.stringify(said)}\n`);
}, 200);
await Promise.all([throughTheOpenSession().catch(() => (thrownOut = true)), throughNewOnes()]);
