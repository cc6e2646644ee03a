import { canonical } from './canonical.ts';
import { compiled } from './compiled.ts';
import type { Projections } from './project.ts';
import { keepMates, sweptColumns } from './project-sweeping.ts';
import { namedTables } from './schema.ts';
import type { Changes, Db } from './schema.ts';
import { named, numbered } from './event-columns.ts';

type Kinds =
  | 'ledger.restored'
  | 'ledger.reconciled'
  | 'inventory.applied'
  | 'entry.added'
  | 'entry.changed'
  | 'entry.renamed'
  | 'entry.retired'
  | 'entry.returned'
  | 'entry.released'
  | 'demand.added'
  | 'rotation.started'
  | 'rotation.ended';

const insertRun = compiled(
  (db, { run, credential, reason, at }: { run: string; credential: string; reason: string; at: number }) =>
    db.insertInto('runs').values({ run, credential, reason, started_at: at, ended_at: null, outcome: null }),
);
const endRun = compiled((db, { run, at, outcome }: { run: string; at: number; outcome: string }) =>
  db.updateTable('runs').set({ ended_at: at, outcome }).where('run', '=', run),
);
const keepAttempts = compiled(
  (
    db,
    { credential, attempts, nextAttemptAt }: { credential: string; attempts: number; nextAttemptAt: number | null },
  ) => db.updateTable('credentials').set({ attempts, next_attempt_at: nextAttemptAt }).where('id', '=', credential),
);

export const inventoryProjections: Pick<Projections, Kinds> = {
  'ledger.restored': (db, event) => setTrust(db, 1, event.body.why),
  'ledger.reconciled': (db) => setTrust(db, 0, ''),

  'inventory.applied': async (db, event) => {
    const row = { n: event.body.n, targets: canonical(event.body.targets) };
    await db
      .insertInto('inventory')
      .values({ id: 1, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
  },
  'entry.added': async (db, event) => {
    await db
      .insertInto('credentials')
      .values({
        id: named(event.credential),
        since: event.n,
        status: 'managed',
        entry: canonical(event.body.entry),
        ...sweptColumns(event.body.entry),
        epoch: 0,
        due_at: null,
        last_rotated_at: null,
        honoured_by: null,
        reopened: 0,
        attempts: 0,
        next_attempt_at: null,
      })
      .execute();
    await keepMates(db, named(event.credential), event.body.entry);
  },
  'entry.changed': async (db, event) => {
    const due = event.body.dueAt === null ? {} : { due_at: event.body.dueAt };
    const { entry } = event.body;
    await change(db, event.credential, { entry: canonical(entry), ...sweptColumns(entry), ...due });
    await keepMates(db, named(event.credential), entry);
  },
  'entry.renamed': async (db, event) => {
    const { from } = event.body;
    const to = named(event.credential);
    const row = await db.selectFrom('credentials').select('since').where('id', '=', from).executeTakeFirstOrThrow();
    const earlier = await db
      .selectFrom('names')
      .select('until_n')
      .where('credential', '=', from)
      .orderBy('until_n', 'desc')
      .executeTakeFirst();
    await db.updateTable('credentials').set({ id: to }).where('id', '=', from).execute();
    for (const table of namedTables)
      await db.updateTable(table).set({ credential: to }).where('credential', '=', from).execute();
    await db
      .insertInto('names')
      .values({
        name: from,
        credential: to,
        from_n: Math.max(row.since, (earlier?.until_n ?? 0) + 1),
        until_n: event.n,
      })
      .execute();
  },
  'entry.retired': (db, event) => change(db, event.credential, { status: 'retiring' }),
  'entry.returned': async (db, event) => {
    const { entry, dueAt } = event.body;
    const due = dueAt === undefined ? {} : { due_at: dueAt };
    await change(db, event.credential, { status: 'managed', entry: canonical(entry), ...sweptColumns(entry), ...due });
    await keepMates(db, named(event.credential), entry);
  },
  'entry.released': (db, event) => change(db, event.credential, { status: 'released' }),

  'demand.added': async (db, event) => {
    const { consumer, demand, kind, deadline } = event.body;
    await db
      .insertInto('demands')
      .values({ credential: named(event.credential), epoch: numbered(event.epoch), consumer, demand, kind, deadline })
      .onConflict((conflict) =>
        conflict.columns(['credential', 'epoch', 'consumer']).doUpdateSet({ demand, kind, deadline }),
      )
      .execute();
  },

  'rotation.started': async (db, event) => {
    const { run, reason } = event.body;
    await insertRun(db, { run, credential: named(event.credential), reason, at: event.at });
  },
  'rotation.ended': async (db, event) => {
    const { run, outcome, attempts, nextAttemptAt } = event.body;
    await endRun(db, { run, at: event.at, outcome });
    await keepAttempts(db, { credential: named(event.credential), attempts, nextAttemptAt });
  },
};

async function change(db: Db, credential: string | null, values: Changes<'credentials'>): Promise<void> {
  await db.updateTable('credentials').set(values).where('id', '=', named(credential)).execute();
}

async function setTrust(db: Db, observeOnly: number, why: string): Promise<void> {
  const row = { observe_only: observeOnly, why };
  await db
    .insertInto('trust')
    .values({ id: 1, ...row })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
}
