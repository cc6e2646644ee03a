import { sql } from 'kysely';
import { named, numbered } from './event-columns.ts';
import type { Projections } from './project.ts';
import type { Db } from './schema.ts';
import { endIntents, update } from './version-rows.ts';

type Kinds =
  | `version.${'suspended' | 'resumed' | 'probed' | 'dead' | 'destroyed' | 'released' | 'compromised'}`
  | `revoke.${'authorised' | 'unauthorised' | 'began'}`
  | 'debt.moved';

export const killingProjections: Pick<Projections, Kinds> = {
  'revoke.authorised': (db, event) => update(db, named(event.version), { authorised_epoch: numbered(event.epoch) }),
  'revoke.unauthorised': (db, event) =>
    update(db, named(event.version), { authorised_epoch: null, withdrawals: sql<number>`withdrawals + 1` }),
  'revoke.began': (db, event) => update(db, named(event.version), { kill_begun: 1 }),
  'version.suspended': async (db, event) => {
    await update(db, named(event.version), { suspended_at: event.at });
    await endIntents(db, named(event.version), ['suspend'], undefined, numbered(event.epoch));
  },
  'version.resumed': async (db, event) => {
    await update(db, named(event.version), { suspended_at: null, resumes: sql<number>`resumes + 1` });
    await endIntents(db, named(event.version), ['resume'], undefined, numbered(event.epoch));
  },
  'version.probed': (db, event) =>
    event.body.answer === 'accepted'
      ? update(db, named(event.version), { refusals: 0, first_refusal_at: null, last_refusal_at: null })
      : update(db, named(event.version), {
          refusals: sql<number>`refusals + 1`,
          first_refusal_at: sql<number>`coalesce(first_refusal_at, ${event.at})`,
          last_refusal_at: event.at,
        }),
  'version.dead': async (db, event) => {
    const version = named(event.version);
    await db.updateTable('refs').set({ gone: 1 }).where('version', '=', version).execute();
    await endIntents(db, version, ['revoke']);
    await update(db, version, { dead_at: event.at, grade: event.body.grade });
    await dieWhenProved(db, version);
  },
  'version.destroyed': async (db, event) => {
    const version = named(event.version);
    await db
      .updateTable('copies')
      .set({ gone: 1 })
      .where('version', '=', version)
      .where('backend', '=', event.body.backend)
      .execute();
    await endIntents(db, version, ['destroy'], event.body.backend);
    await dieWhenProved(db, version);
  },
  'version.released': (db, event) => update(db, named(event.version), { fate: 'released' }),
  'version.compromised': async (db, event) => {
    const version = named(event.version);
    await update(db, version, { compromised: 1 });
    await db
      .updateTable('versions')
      .set({ fate: 'doomed' })
      .where('id', '=', version)
      .where('fate', 'in', ['pending', 'standby'])
      .execute();
    await db
      .updateTable('credentials')
      .set({ reopened: 1 })
      .where('id', '=', named(event.credential))
      .where('honoured_by', '=', version)
      .execute();
    await db
      .insertInto('incident_versions')
      .values({ incident: named(event.incident), version, credential: named(event.credential) })
      .execute();
  },
  'debt.moved': (db, event) => update(db, named(event.version), { debt_moved: 1 }),
};

/** `refused` is proof; `absent` is proof only once no copy of the value is left to ask with. */
async function dieWhenProved(db: Db, version: string): Promise<void> {
  await db
    .updateTable('versions')
    .set({ fate: 'dead' })
    .where('id', '=', version)
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
              .where('copies.version', '=', version)
              .where('gone', '=', 0),
          ),
        ),
      ]),
    )
    .execute();
}
