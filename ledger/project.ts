import type { EventKind, EventOf } from './events.ts';
import { evidenceProjections } from './project-evidence.ts';
import { incidentBatches, incidentProjections } from './project-incidents.ts';
import { inventoryProjections } from './project-inventory.ts';
import { killingProjections } from './project-killing.ts';
import { peopleProjections } from './project-people.ts';
import { sweepProjections } from './project-sweeping.ts';
import { versionProjections } from './project-versions.ts';
import type { Db, EventRow } from './schema.ts';

/** Kinds that come by the hundred: one version each, projected together. */
type BatchKind = `version.${'compromised' | 'contained' | 'dead'}`;

/** What each kind of event changes in the projections. Reads nothing but the event and the projections themselves. */
export type Projections = {
  readonly [Kind in Exclude<EventKind, BatchKind>]: (db: Db, event: EventOf<Kind>) => Promise<void>;
};

/** The same for events of one kind that follow each other, each of another version. */
export type BatchProjections = {
  readonly [Kind in BatchKind]: (db: Db, events: readonly EventOf<Kind>[]) => Promise<void>;
};

const registry: Projections = {
  ...inventoryProjections,
  ...versionProjections,
  ...killingProjections,
  ...evidenceProjections,
  ...peopleProjections,
  ...incidentProjections,
  ...sweepProjections,
};

/** More in one statement would pass what a database takes as parameters. */
const batchSize = 500;

export function isProjected(kind: string): kind is EventKind {
  return Object.hasOwn(registry, kind) || isBatched(kind);
}

const isBatched = (kind: string): kind is BatchKind => Object.hasOwn(incidentBatches, kind);

/** The one way from events to the projections, in their order: while they are written, and again whenever they are rebuilt. */
export async function project(db: Db, rows: readonly EventRow[]): Promise<void> {
  for (let index = 0; index < rows.length;) {
    const batch = batchFrom(rows, index);
    const [first] = batch;
    if (first === undefined) return;
    index += batch.length;
    if (!isProjected(first.kind)) continue;
    // Bodies were written under this kind's type; the compiler cannot follow that through the database.
    const events = batch.map((row) => ({ ...row, body: JSON.parse(row.body) as unknown }) as unknown as EventOf<never>);
    if (isBatched(first.kind)) {
      await (incidentBatches[first.kind] as (db: Db, events: readonly EventOf<never>[]) => Promise<void>)(db, events);
      continue;
    }
    const change = registry[first.kind] as (db: Db, event: EventOf<never>) => Promise<void>;
    for (const event of events) await change(db, event);
  }
}

/** One event, or those of a batched kind that follow it without naming a version twice. */
function batchFrom(rows: readonly EventRow[], start: number): readonly EventRow[] {
  const first = rows[start];
  if (first === undefined) return [];
  if (!isBatched(first.kind)) return [first];
  const seen = new Set<string | null>();
  const batch: EventRow[] = [];
  for (const row of rows.slice(start, start + batchSize)) {
    if (row.kind !== first.kind || seen.has(row.version)) break;
    seen.add(row.version);
    batch.push(row);
  }
  return batch;
}
