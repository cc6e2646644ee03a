import { sql } from 'kysely';
import type { Expression } from 'kysely';
import { canonical } from './canonical.ts';
import { compiled } from './compiled.ts';
import { named } from './event-columns.ts';
import type { EventOf } from './events.ts';
import type { BatchProjections, Projections } from './project.ts';
import type { Db } from './schema.ts';

export const incidentProjections: Pick<Projections, `incident.${'declared' | 'closed'}`> = {
  'incident.declared': async (db, event) => {
    const { who, why, declaredAt, scope, drill } = event.body;
    await db
      .insertInto('incidents')
      .values({
        id: named(event.incident),
        declared_at: declaredAt ?? event.at,
        who,
        why,
        scope: scope ?? '',
        drill: drill === true ? 1 : 0,
        closed_at: null,
        closed_by: null,
      })
      .execute();
  },
  'incident.closed': async (db, event) => {
    await db
      .updateTable('incidents')
      .set({ closed_at: event.at, closed_by: event.body.who })
      .where('id', '=', named(event.incident))
      .execute();
  },
};

const goneRefs = compiled((db, { ids }: { ids: readonly string[] }) =>
  db.updateTable('refs').set({ gone: 1 }).where('version', 'in', ids),
);
const endRevokes = compiled((db, { ids }: { ids: readonly string[] }) =>
  db
    .updateTable('intents')
    .set({ outcome: 'done', why: null })
    .where('version', 'in', ids)
    .where('effect', '=', 'revoke'),
);

/** What incidents do to many versions at once: each version at most once in a batch. */
export const incidentBatches: BatchProjections = {
  'version.compromised': async (db, events) => {
    const ids = events.map((event) => named(event.version));
    await db
      .updateTable('versions')
      .set({ compromised: 1, compromised_at: sql<number>`coalesce(compromised_at, ${each(events, (one) => one.at)})` })
      .where('id', 'in', ids)
      .execute();
    await db
      .updateTable('versions')
      .set({ fate: 'doomed' })
      .where('id', 'in', ids)
      .where('fate', 'in', ['pending', 'standby'])
      .execute();
    await db.updateTable('credentials').set({ reopened: 1 }).where('honoured_by', 'in', ids).execute();
    const dead = new Map(
      (
        await db
          .selectFrom('versions')
          .select(['id', 'dead_at', 'grade'])
          .where('id', 'in', ids)
          .where('dead_at', 'is not', null)
          .execute()
      ).map((row) => [row.id, row]),
    );
    await db
      .insertInto('incident_versions')
      .values(
        events.map((event) => {
          const version = named(event.version);
          const { dead_at = null, grade = null } = dead.get(version) ?? {};
          const credential = named(event.credential);
          return { incident: named(event.incident), version, credential, contained_at: dead_at, dead_at, grade };
        }),
      )
      .execute();
  },

  'version.contained': async (db, events) => {
    const ids = events.map((event) => named(event.version));
    const dead = new Set(
      (
        await db.selectFrom('versions').select('id').where('id', 'in', ids).where('dead_at', 'is not', null).execute()
      ).map((row) => row.id),
    );
    const revoked = events.flatMap((event) => {
      const version = named(event.version);
      return event.body.refs.map((ref) => ({ version, ref, key: canonical(ref), at: event.body.at }));
    });
    if (revoked.length > 0) {
      await db
        .insertInto('refs')
        .values(
          revoked.map(({ version, key, at }) => ({
            version,
            ref_key: key,
            seen_at: at,
            gone: dead.has(version) ? 1 : 0,
          })),
        )
        .onConflict((conflict) => conflict.columns(['version', 'ref_key']).doNothing())
        .execute();
      // Two generations of one slot have one place, and one intent.
      const places = new Map(revoked.map((one) => [`${one.version} ${one.ref.id}`, one]));
      await db
        .insertInto('intents')
        .values(
          [...places.values()].map(({ version, ref, key, at }) => ({
            version,
            effect: 'revoke',
            place: ref.id,
            epoch: 0,
            until: at,
            outcome: 'done',
            why: null,
            ref_key: key,
          })),
        )
        .onConflict((conflict) =>
          conflict.columns(['version', 'effect', 'place', 'epoch']).doUpdateSet({ outcome: 'done', why: null }),
        )
        .execute();
    }
    await db
      .updateTable('versions')
      .set({
        kill_begun: 1,
        authorised_epoch: sql<number>`coalesce(authorised_epoch, ${each(events, (one) => one.epoch ?? 0)})`,
      })
      .where('id', 'in', ids)
      .execute();
    for (const [incident, ofIt] of Map.groupBy(events, (event) => named(event.incident))) {
      await db
        .updateTable('incident_versions')
        .set({ contained_at: each(ofIt, (one) => one.body.at, 'version') })
        .where('incident', '=', incident)
        .where(
          'version',
          'in',
          ofIt.map((event) => named(event.version)),
        )
        .where('contained_at', 'is', null)
        .execute();
    }
  },

  'version.dead': async (db, events) => {
    const ids = events.map((event) => named(event.version));
    const at = (event: EventOf<'version.dead'>): number => Math.min(event.body.at ?? event.at, event.at);
    await goneRefs(db, { ids });
    await endRevokes(db, { ids });
    for (const [grade, graded] of Map.groupBy(events, (event) => event.body.grade)) {
      const ofGrade = graded.map((event) => named(event.version));
      await db
        .updateTable('versions')
        .set({ dead_at: each(graded, at), grade })
        .where('id', 'in', ofGrade)
        .execute();
      // Of every incident that names it. The first proof stops the clock; a better one only raises the grade.
      await db
        .updateTable('incident_versions')
        .set({
          contained_at: sql<number>`coalesce(contained_at, ${each(graded, at, 'version')})`,
          dead_at: sql<number>`coalesce(dead_at, ${each(graded, at, 'version')})`,
          grade,
        })
        .where('version', 'in', ofGrade)
        .execute();
    }
    await dieWhenProved(db, ids);
  },
};

/** A version thought dead lives: the clock of every open incident that names it runs again. */
export async function oweAgain(db: Db, version: string): Promise<void> {
  await db
    .updateTable('incident_versions')
    .set({ dead_at: null, grade: null })
    .where('version', '=', version)
    .where((where) =>
      where.exists(
        where
          .selectFrom('incidents')
          .select('incidents.id')
          .whereRef('incidents.id', '=', 'incident_versions.incident')
          .where('incidents.closed_at', 'is', null),
      ),
    )
    .execute();
}

/** `refused` is proof; `absent` is proof only once no copy of the value is left to ask with. */
export async function dieWhenProved(db: Db, versions: readonly string[]): Promise<void> {
  await killProved(db, { versions });
}

const killProved = compiled((db, { versions }: { versions: readonly string[] }) =>
  db
    .updateTable('versions')
    .set({ fate: 'dead' })
    .where('id', 'in', versions)
    .where('fate', '!=', 'released')
    .where('dead_at', 'is not', null)
    .where((where) =>
      where.or([
        where('grade', '=', 'refused'),
        where.not(
          where.exists(
            where
              .selectFrom('copies')
              .select('copies.version')
              .whereRef('copies.version', '=', 'versions.id')
              .where('gone', '=', 0),
          ),
        ),
      ]),
    ),
);

/** One number for each version, in one statement. */
function each<Event extends { readonly version: string | null }>(
  events: readonly Event[],
  value: (event: Event) => number,
  column: 'id' | 'version' = 'id',
): Expression<number> {
  const first = events[0];
  if (first !== undefined && events.every((event) => value(event) === value(first)))
    return sql<number>`cast(${value(first)} as bigint)`;
  const cases = events.map((event) => sql`when ${named(event.version)} then cast(${value(event)} as bigint)`);
  return sql<number>`case ${sql.ref(column)} ${sql.join(cases, sql` `)} end`;
}
