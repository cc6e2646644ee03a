import { canonical } from './canonical.ts';
import { named } from './event-columns.ts';
import type { Projections } from './project.ts';

type Kinds = `request.${'made' | 'closed'}` | `alarm.${'raised' | 'cured'}` | `incident.${'declared' | 'closed'}`;

export const peopleProjections: Pick<Projections, Kinds> = {
  'request.made': async (db, event) => {
    const { kind, version, release, who, why, waived } = event.body;
    await db
      .insertInto('requests')
      .values({
        id: requestId(event.n),
        credential: event.credential,
        kind,
        epoch: event.epoch,
        version,
        release,
        who,
        why,
        at: event.at,
        waived: waived === null ? null : canonical(waived),
        closed_at: null,
        closed_how: null,
      })
      .execute();
  },
  'request.closed': async (db, event) => {
    const { request, how } = event.body;
    await db.updateTable('requests').set({ closed_at: event.at, closed_how: how }).where('id', '=', request).execute();
  },
  'alarm.raised': async (db, event) => {
    const { key, text, page } = event.body;
    const credential = named(event.credential);
    await db
      .insertInto('alarms')
      .values({ credential, key, text, page: page ? 1 : 0, raised_at: event.at, cured_at: null })
      .onConflict((conflict) =>
        conflict.columns(['credential', 'key']).doUpdateSet((row) => ({
          text,
          page: page ? 1 : 0,
          // An alarm that stands keeps the time it was raised at; one cured meanwhile is a new one.
          raised_at: row
            .case()
            .when('alarms.cured_at', 'is', null)
            .then(row.ref('alarms.raised_at'))
            .else(event.at)
            .end(),
          cured_at: null,
        })),
      )
      .execute();
  },
  'alarm.cured': async (db, event) => {
    await db
      .updateTable('alarms')
      .set({ cured_at: event.at })
      .where('credential', '=', named(event.credential))
      .where('key', '=', event.body.key)
      .execute();
  },
  'incident.declared': async (db, event) => {
    const { who, why } = event.body;
    await db
      .insertInto('incidents')
      .values({ id: named(event.incident), declared_at: event.at, who, why, closed_at: null })
      .execute();
  },
  'incident.closed': async (db, event) => {
    await db.updateTable('incidents').set({ closed_at: event.at }).where('id', '=', named(event.incident)).execute();
  },
};

export const requestId = (n: number): string => `r${n}`;
