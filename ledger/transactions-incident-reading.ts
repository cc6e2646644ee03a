import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import { compiledFirst } from './compiled.ts';
import type { IncidentFacts, Ledger } from './ledger.ts';
import type { Db, IncidentRow } from './schema.ts';
import type { Store } from './store.ts';
import { unknownIncident } from './transactions-incidents.ts';

type Methods = 'incident' | 'incidents' | 'incidentKeys' | 'openIncidentsOf' | 'killsAt';

const selectOpenIncident = compiledFirst((db) =>
  db.selectFrom('incidents').select('id').where('closed_at', 'is', null).limit(1),
);

export function incidentReading(store: Store): Pick<Ledger, Methods> {
  return {
    async incident(incident) {
      return store.read(async (db) => {
        const row = await db.selectFrom('incidents').selectAll().where('id', '=', incident).executeTakeFirst();
        const [facts] = row === undefined ? [] : await withKeys(db, [row]);
        if (facts === undefined) throw unknownIncident(incident);
        return facts;
      });
    },

    async incidents({ open, limit }) {
      return store.read(async (db) => {
        let query = db
          .selectFrom('incidents')
          .selectAll()
          .orderBy('declared_at', 'desc')
          .orderBy('id', 'desc')
          .limit(limit);
        if (open !== undefined) query = query.where('closed_at', open ? 'is' : 'is not', null);
        return withKeys(db, await query.execute());
      });
    },

    async incidentKeys({ incident, after, limit }) {
      return store.read(async (db) => {
        const known = await db.selectFrom('incidents').select('id').where('id', '=', incident).executeTakeFirst();
        if (known === undefined) throw unknownIncident(incident);
        let query = db
          .selectFrom('incident_versions')
          .selectAll()
          .where('incident', '=', incident)
          .orderBy('version')
          .limit(limit);
        if (after !== undefined) query = query.where('version', '>', after);
        return (await query.execute()).map((row) => ({
          // Ids and grades were checked when they were written.
          credential: row.credential as CredentialId,
          version: row.version as VersionId,
          containedAt: row.contained_at ?? undefined,
          dead:
            row.dead_at === null || row.grade === null
              ? undefined
              : { at: row.dead_at, grade: row.grade as 'refused' | 'absent' },
        }));
      });
    },

    async openIncidentsOf(version) {
      const rows = await store.read((db) =>
        db
          .selectFrom('incident_versions')
          .innerJoin('incidents', 'incidents.id', 'incident_versions.incident')
          .select('incidents.id')
          .where('incident_versions.version', '=', version)
          .where('incidents.closed_at', 'is', null)
          .orderBy('incidents.id')
          .execute(),
      );
      return rows.map((row) => row.id);
    },

    async killsAt(target) {
      const row = await store.read(async (db) => {
        // Nearly always there is none, and the count below looks at every version of the target.
        if ((await selectOpenIncident(db, {})) === undefined) return undefined;
        return db
          .selectFrom('versions')
          .innerJoin('incident_versions', 'incident_versions.version', 'versions.id')
          .innerJoin('incidents', 'incidents.id', 'incident_versions.incident')
          .select(({ fn, eb }) => {
            const named = eb.ref('versions.id');
            const over = (at: 'contained_at' | 'dead_at') =>
              eb.case().when(`incident_versions.${at}`, 'is not', null).then(named).end();
            return [
              fn.count<number | string>(eb.ref('versions.credential')).distinct().as('credentials'),
              fn.count<number | string>(named).distinct().as('keys'),
              fn.count<number | string>(over('contained_at')).distinct().as('contained'),
              fn.count<number | string>(over('dead_at')).distinct().as('dead'),
              fn.max<number | string | null>('versions.compromised_at').as('heard'),
              fn.max<number | string | null>('incident_versions.contained_at').as('last_contained'),
              fn.max<number | string | null>('incident_versions.dead_at').as('last_dead'),
            ];
          })
          .where('versions.target', '=', target)
          .where('incidents.closed_at', 'is', null)
          .executeTakeFirst();
      });
      if (row === undefined || Number(row.keys) === 0) return undefined;
      const last = Math.max(Number(row.last_contained ?? 0), Number(row.last_dead ?? 0));
      return {
        // PostgreSQL answers counts, and aggregates of large integers, as text.
        credentials: Number(row.credentials),
        keys: Number(row.keys),
        contained: Number(row.contained),
        dead: Number(row.dead),
        heardAt: Number(row.heard ?? 0),
        lastAt: last === 0 ? undefined : last,
      };
    },
  };
}

/** These incidents with what became of their keys and what was written of them: as many queries as for one. */
async function withKeys(db: Db, rows: readonly IncidentRow[]): Promise<readonly IncidentFacts[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const counts = new Map(
    (
      await db
        .selectFrom('incident_versions')
        .select(({ fn }) => [
          'incident',
          fn.countAll<number | string>().as('keys'),
          fn.count<number | string>('contained_at').as('contained'),
          fn.count<number | string>('dead_at').as('dead'),
        ])
        .where('incident', 'in', ids)
        .groupBy('incident')
        .execute()
    ).map((row) => [row.incident, row]),
  );
  const events = Map.groupBy(
    await db
      .selectFrom('events')
      .select(['n', 'at', 'actor', 'kind', 'incident', 'body'])
      .where('incident', 'in', ids)
      .where('version', 'is', null)
      .where('kind', 'not in', ['incident.declared', 'incident.closed'])
      .orderBy('n')
      .execute(),
    (row) => row.incident,
  );
  return rows.map((row) => {
    const count = counts.get(row.id);
    return {
      incident: row.id,
      declaredAt: row.declared_at,
      who: row.who,
      why: row.why,
      scope: row.scope,
      drill: row.drill === 1,
      closedAt: row.closed_at ?? undefined,
      closedBy: row.closed_by ?? undefined,
      keys: Number(count?.keys ?? 0),
      contained: Number(count?.contained ?? 0),
      dead: Number(count?.dead ?? 0),
      events: (events.get(row.id) ?? []).map((event) => {
        // Written by `incidentEvent` from an object.
        const body = JSON.parse(event.body) as Readonly<Record<string, unknown>>;
        return { kind: event.kind, at: typeof body.at === 'number' ? body.at : event.at, actor: event.actor, body };
      }),
    };
  });
}
