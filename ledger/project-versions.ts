import { sql } from 'kysely';
import { canonical } from './canonical.ts';
import { compiled, type Given } from './compiled.ts';
import { named, numbered } from './event-columns.ts';
import type { Projections } from './project.ts';
import type { Db, Tables } from './schema.ts';
import { oweAgain } from './project-incidents.ts';
import { addCopy, addRef, endIntents, insertVersion, update } from './version-rows.ts';

type Kinds =
  | `version.${'planned' | 'issued' | 'staged' | 'spent' | 'refused' | 'imported'}`
  | `intent.${'made' | 'ended'}`
  | 'ref.seen'
  | 'version.extended'
  | `promotion.${'decided' | 'shown'}`;

interface NewIntent {
  readonly [name: string]: string | number | null;
  readonly version: string;
  readonly effect: string;
  readonly place: string;
  readonly epoch: number;
  readonly until: number;
  readonly key: string | null;
}

const insertIntent = compiled((db, { version, effect, place, epoch, until, key }: NewIntent) => {
  const row = { until, outcome: null, why: null, ref_key: key };
  return db
    .insertInto('intents')
    .values({ version, effect, place, epoch, ...row })
    .onConflict((conflict) => conflict.columns(['version', 'effect', 'place', 'epoch']).doUpdateSet(row));
});

const endIntent = compiled(
  (
    db,
    {
      version,
      effect,
      place,
      epoch,
      outcome,
      why,
    }: { version: string; effect: string; place: string; epoch: number; outcome: string; why: string | null },
  ) =>
    db
      .updateTable('intents')
      .set({ outcome, why })
      .where('version', '=', version)
      .where('effect', '=', effect)
      .where('place', '=', place)
      .where('epoch', '=', epoch),
);
const insertEpoch = compiled((db, row: Tables['epochs'] & Given) => db.insertInto('epochs').values(row));
const doomOthers = compiled((db, { credential, version }: { credential: string; version: string }) =>
  db
    .updateTable('versions')
    .set({ fate: 'doomed' })
    .where('credential', '=', credential)
    .where('id', '!=', version)
    .where('fate', 'in', ['pending', 'current']),
);
const insertPromote = compiled(
  (db, { version, place, epoch, until }: { version: string; place: string; epoch: number; until: number }) =>
    db
      .insertInto('intents')
      .values({ version, effect: 'promote', place, epoch, until, outcome: null, why: null, ref_key: null }),
);
const keepEpoch = compiled((db, { credential, epoch }: { credential: string; epoch: number }) =>
  db.updateTable('credentials').set({ epoch }).where('id', '=', credential),
);
const keepEpochAndDue = compiled(
  (
    db,
    {
      credential,
      epoch,
      dueAt,
      at,
      version,
    }: { credential: string; epoch: number; dueAt: number; at: number; version: string },
  ) =>
    db
      .updateTable('credentials')
      .set({ epoch, due_at: dueAt, last_rotated_at: at, honoured_by: version, reopened: 0 })
      .where('id', '=', credential),
);

export const versionProjections: Pick<Projections, Kinds> = {
  'version.planned': async (db, event) => {
    const { target, as, baseline, expiresAt } = event.body;
    await insertVersion(db, {
      id: named(event.version),
      credential: named(event.credential),
      ordinal: event.n,
      fate: as === 'drill' ? 'doomed' : as,
      drill: as === 'drill' ? 1 : 0,
      target,
      created_at: event.at,
      expires_at: expiresAt,
      baseline: canonical(baseline),
    });
  },
  'intent.made': async (db, event) => {
    const { effect, place, ref, until } = event.body;
    const key = ref === null ? null : canonical(ref);
    await insertIntent(db, { version: named(event.version), effect, place, epoch: event.epoch ?? 0, until, key });
  },
  'intent.ended': async (db, event) => {
    const { effect, place, outcome, why } = event.body;
    await endIntent(db, { version: named(event.version), effect, place, epoch: event.epoch ?? 0, outcome, why });
  },
  'version.issued': async (db, event) => {
    const version = named(event.version);
    const { ref, fingerprint, expiresAt, copies } = event.body;
    await update(db, version, { issued: 1, fingerprint, ...(expiresAt === null ? {} : { expires_at: expiresAt }) });
    await addRef(db, version, ref, event.at);
    for (const copy of copies) await addCopy(db, version, copy, 'staged', null);
    await endIntents(db, version, ['issue', 'stage']);
  },
  'version.staged': (db, event) => addCopy(db, named(event.version), event.body, 'staged', null),
  'version.spent': async (db, event) => {
    await update(db, named(event.version), { spent: 1 });
    await doomUnlessEnded(db, named(event.version));
  },
  'version.refused': async (db, event) => {
    await update(db, named(event.version), { refused: 1 });
    const version = await db
      .selectFrom('versions')
      .select('ever_current')
      .where('id', '=', named(event.version))
      .executeTakeFirstOrThrow();
    if (version.ever_current === 0) await doomUnlessEnded(db, named(event.version));
  },
  'version.extended': async (db, event) => {
    await update(db, named(event.version), { expires_at: event.body.expiresAt });
  },

  'ref.seen': async (db, event) => {
    const version = named(event.version);
    await addRef(db, version, event.body.ref, event.body.at ?? event.at);
    // A key under the tag of a version thought dead: it is owed again, and its refusals are counted anew.
    await db
      .updateTable('versions')
      .set({
        fate: 'doomed',
        dead_at: null,
        grade: null,
        refusals: 0,
        first_refusal_at: null,
        last_refusal_at: null,
        revivals: sql<number>`revivals + 1`,
      })
      .where('id', '=', version)
      .where('dead_at', 'is not', null)
      .execute();
    await oweAgain(db, version);
  },
  'version.imported': async (db, event) => {
    const version = named(event.version);
    const { target, ref, fingerprint, expiresAt, copies } = event.body;
    await insertVersion(db, {
      id: version,
      credential: named(event.credential),
      ordinal: event.n,
      // `promotion.decided` of the same transaction makes it current where it is.
      fate: 'doomed',
      ever_current: 1,
      issued: 1,
      target,
      created_at: event.at,
      expires_at: expiresAt,
      fingerprint,
      only_by_hand: ref === null ? 1 : 0,
    });
    if (ref !== null) await addRef(db, version, ref, event.at);
    for (const copy of copies) await addCopy(db, version, copy, 'staged', null);
  },
  'promotion.decided': async (db, event) => {
    const credential = named(event.credential);
    const epoch = numbered(event.epoch);
    const { version, why, run, demands, backends, honoursDue, dueBy } = event.body;
    await insertEpoch(db, { credential, n: epoch, version, why, decided_at: event.at, run });
    await doomOthers(db, { credential, version });
    await update(db, version, { fate: 'current', ever_current: 1, debt_moved: 0 });
    for (const demand of demands)
      await db
        .insertInto('demands')
        .values({ credential, epoch, ...demand })
        .execute();
    for (const place of backends) {
      await insertPromote(db, { version, place, epoch, until: event.at });
    }
    if (honoursDue === null) await keepEpoch(db, { credential, epoch });
    else await keepEpochAndDue(db, { credential, epoch, dueAt: honoursDue.dueAt, at: event.at, version });
    if (dueBy !== undefined)
      await db.updateTable('credentials').set({ due_at: dueBy }).where('id', '=', credential).execute();
  },
  'promotion.shown': async (db, event) => {
    const version = named(event.version);
    await addCopy(db, version, event.body, 'main', numbered(event.epoch));
    await endIntents(db, version, ['promote'], event.body.backend, numbered(event.epoch));
  },
};

async function doomUnlessEnded(db: Db, version: string): Promise<void> {
  await db
    .updateTable('versions')
    .set({ fate: 'doomed' })
    .where('id', '=', version)
    .where('fate', 'in', ['pending', 'standby'])
    .execute();
}
