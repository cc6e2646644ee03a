import { sql } from 'kysely';
import { compiled } from './compiled.ts';
import { named, numbered } from './event-columns.ts';
import type { Projections } from './project.ts';
import { dieWhenProved } from './project-incidents.ts';
import { endIntents, update } from './version-rows.ts';

type Kinds =
  | `version.${'suspended' | 'resumed' | 'probed' | 'destroyed' | 'released'}`
  | `revoke.${'authorised' | 'unauthorised' | 'began'}`
  | 'debt.moved';

interface OfVersion {
  readonly [name: string]: string;
  readonly version: string;
}

const countRefusal = compiled((db, { version, at }: { version: string; at: number }) =>
  db
    .updateTable('versions')
    .set({
      refusals: sql<number>`refusals + 1`,
      first_refusal_at: sql<number>`coalesce(first_refusal_at, ${at})`,
      last_refusal_at: at,
    })
    .where('id', '=', version),
);
const emptyCopies = compiled((db, { version, backend }: { version: string; backend: string }) =>
  db.updateTable('copies').set({ gone: 1 }).where('version', '=', version).where('backend', '=', backend),
);
const deleteProofKey = compiled((db, { version }: OfVersion) =>
  db.deleteFrom('proof_keys').where('version', '=', version),
);
const deleteWatch = compiled((db, { version }: OfVersion) =>
  db
    .deleteFrom('watch')
    .where('version', '=', version)
    .where((where) =>
      where.exists(where.selectFrom('versions').select('id').where('id', '=', version).where('compromised', '=', 0)),
    ),
);

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
    // One that was never answered is in doubt no longer.
    await endIntents(db, named(event.version), ['suspend']);
  },
  'version.probed': async (db, event) =>
    event.body.answer === 'accepted'
      ? update(db, named(event.version), { refusals: 0, first_refusal_at: null, last_refusal_at: null })
      : void (await countRefusal(db, { version: named(event.version), at: event.at })),
  'version.destroyed': async (db, event) => {
    const version = named(event.version);
    await emptyCopies(db, { version, backend: event.body.backend });
    await endIntents(db, version, ['destroy'], event.body.backend);
    // Nobody proves it any more. What was seen of its use stays where an incident may still ask for it.
    await deleteProofKey(db, { version });
    await deleteWatch(db, { version });
    await dieWhenProved(db, [version]);
  },
  'version.released': (db, event) => update(db, named(event.version), { fate: 'released' }),
  'debt.moved': (db, event) => update(db, named(event.version), { debt_moved: 1 }),
};
