import { hash } from 'node:crypto';
import { canonical, storable } from './canonical.ts';
import { compiledFirst } from './compiled.ts';
import type { EventBodies, EventKind } from './events.ts';
import type { Db, EventRow } from './schema.ts';

export const noHash = '0'.repeat(64);

export interface Head {
  readonly n: number;
  readonly at: number;
  readonly hash: string;
}

/** What is appended: one event before it has a number, a time and a hash. */
export interface NewEvent<Kind extends string = EventKind> {
  readonly kind: Kind;
  readonly actor?: string;
  readonly credential?: string | null;
  readonly version?: string | null;
  readonly epoch?: number | null;
  readonly incident?: string | null;
  readonly fact?: string;
  readonly body: Kind extends EventKind ? EventBodies[Kind] : unknown;
}

const selectHead = compiledFirst((db, { id }: { id: number }) =>
  db.selectFrom('chain').select(['n', 'at', 'hash']).where('id', '=', id),
);

/** The newest event, as this snapshot has it; undefined before the tables are filled. */
export const readHead = (db: Db): Promise<Head | undefined> => selectHead(db, { id: 1 });

/** The hash covers every column in a fixed order, the body as the text that is stored, and the hash before it. */
export function hashOf(row: Omit<EventRow, 'hash'>): string {
  const covered = [
    'keybaton.event.1',
    row.n,
    row.at,
    row.actor,
    row.kind,
    row.credential,
    row.version,
    row.epoch,
    row.incident,
    row.body,
    row.fact,
    row.prev,
  ];
  return hash('sha256', canonical(covered), 'hex');
}

export function linkEvent(event: NewEvent<string>, head: Head, now: number): EventRow {
  const row = {
    n: head.n + 1,
    at: Math.max(now, head.at),
    actor: storable(event.actor ?? 'keybaton'),
    kind: event.kind,
    credential: event.credential ?? null,
    version: event.version ?? null,
    epoch: event.epoch ?? null,
    incident: event.incident === undefined || event.incident === null ? null : storable(event.incident),
    body: canonical(event.body),
    fact: event.fact === undefined ? null : storable(event.fact),
    prev: head.hash,
  };
  return { ...row, hash: hashOf(row) };
}

export interface Broken {
  readonly n: number;
  readonly why: string;
}

/** Reads the whole chain in pages. What is found broken does not end the search: each later link is judged by what is stored. */
export async function verifyChain(db: Db): Promise<{ events: number; head: string; broken: readonly Broken[] }> {
  const broken: Broken[] = [];
  let before: Head = { n: 0, at: 0, hash: noHash };
  let events = 0;
  for (;;) {
    const page = await db.selectFrom('events').selectAll().where('n', '>', before.n).orderBy('n').limit(1000).execute();
    if (page.length === 0) break;
    for (const row of page) {
      events += 1;
      if (row.n !== before.n + 1)
        broken.push({ n: before.n + 1, why: `events ${before.n + 1} to ${row.n - 1} are missing` });
      else if (row.prev !== before.hash) broken.push({ n: row.n, why: 'it does not follow the event before it' });
      if (hashOf(row) !== row.hash) broken.push({ n: row.n, why: 'its content was changed' });
      if (row.at < before.at) broken.push({ n: row.n, why: 'it is older than the event before it' });
      before = { n: row.n, at: row.at, hash: row.hash };
    }
  }
  const head = await db.selectFrom('chain').selectAll().where('id', '=', 1).executeTakeFirst();
  if (head?.n !== before.n || head.hash !== before.hash) {
    broken.push({
      n: before.n + 1,
      why: `the recorded head is event ${head?.n ?? 'none'}: the end of the chain was cut off or changed`,
    });
  }
  return { events, head: before.hash, broken };
}
