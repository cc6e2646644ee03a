import type { EventKind, EventOf } from './events.ts';
import { evidenceProjections } from './project-evidence.ts';
import { inventoryProjections } from './project-inventory.ts';
import { killingProjections } from './project-killing.ts';
import { peopleProjections } from './project-people.ts';
import { versionProjections } from './project-versions.ts';
import type { Db, EventRow } from './schema.ts';

/** What each kind of event changes in the projections. Reads nothing but the event and the projections themselves. */
export type Projections = { readonly [Kind in EventKind]: (db: Db, event: EventOf<Kind>) => Promise<void> };

const registry: Projections = {
  ...inventoryProjections,
  ...versionProjections,
  ...killingProjections,
  ...evidenceProjections,
  ...peopleProjections,
};

export function isProjected(kind: string): kind is EventKind {
  return Object.hasOwn(registry, kind);
}

/** The one way from an event to the projections: while it is written, and again whenever they are rebuilt. */
export async function project(db: Db, row: EventRow): Promise<void> {
  if (!isProjected(row.kind)) return;
  // The body was written under this kind's type; the compiler cannot follow that through the database.
  const event = { ...row, body: JSON.parse(row.body) as unknown } as unknown as EventOf<never>;
  const change = registry[row.kind] as (db: Db, event: EventOf<never>) => Promise<void>;
  await change(db, event);
}
