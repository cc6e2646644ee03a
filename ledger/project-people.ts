import { canonical } from './canonical.ts';
import { compiled, type Given } from './compiled.ts';
import { named } from './event-columns.ts';
import type { Projections } from './project.ts';
import type { RequestRow } from './schema.ts';

/** An alarm that stands is told again after this long, then ever more rarely: the sweep says when. */
const firstReminder = 3_600_000;

type Kinds = `request.${'made' | 'closed'}` | `alarm.${'raised' | 'cured'}`;

const insertRequest = compiled((db, row: RequestRow & Given) => db.insertInto('requests').values(row));
const closeRequest = compiled((db, { id, at, how }: { id: string; at: number; how: string }) =>
  db.updateTable('requests').set({ closed_at: at, closed_how: how }).where('id', '=', id),
);

export const peopleProjections: Pick<Projections, Kinds> = {
  'request.made': async (db, event) => {
    const { kind, version, release, who, why, waived } = event.body;
    await insertRequest(db, {
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
    });
  },
  'request.closed': async (db, event) => {
    const { request, how } = event.body;
    await closeRequest(db, { id: request, at: event.at, how });
  },
  'alarm.raised': async (db, event) => {
    const { key, text, page } = event.body;
    const credential = named(event.credential);
    await db
      .insertInto('alarms')
      .values({
        credential,
        key,
        text,
        page: page ? 1 : 0,
        raised_at: event.at,
        cured_at: null,
        reminders: 0,
        next_at: event.at + firstReminder,
      })
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
          reminders: row.case().when('alarms.cured_at', 'is', null).then(row.ref('alarms.reminders')).else(0).end(),
          next_at: row
            .case()
            .when('alarms.cured_at', 'is', null)
            .then(row.ref('alarms.next_at'))
            .else(event.at + firstReminder)
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
};

export const requestId = (n: number): string => `r${n}`;
