import { canonical } from './canonical.ts';
import type { Projections } from './project.ts';
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
        epoch: 0,
        due_at: null,
        last_rotated_at: null,
        honoured_by: null,
        reopened: 0,
        attempts: 0,
        next_attempt_at: null,
      })
      .execute();
  },
  'entry.changed': async (db, event) => {
    const due = event.body.dueAt === null ? {} : { due_at: event.body.dueAt };
    await change(db, event.credential, { entry: canonical(event.body.entry), ...due });
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
  'entry.returned': (db, event) =>
    change(db, event.credential, { status: 'managed', entry: canonical(event.body.entry) }),
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
    await db
      .insertInto('runs')
      .values({ run, credential: named(event.credential), reason, started_at: event.at, ended_at: null, outcome: null })
      .execute();
  },
  'rotation.ended': async (db, event) => {
    const { run, outcome, attempts, nextAttemptAt } = event.body;
    await db.updateTable('runs').set({ ended_at: event.at, outcome }).where('run', '=', run).execute();
    await change(db, event.credential, { attempts, next_attempt_at: nextAttemptAt });
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
