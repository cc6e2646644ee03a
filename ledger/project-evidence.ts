import { named, numbered } from './event-columns.ts';
import type { Projections } from './project.ts';

type Kinds = `instance.${'registered' | 'left'}` | `evidence.${'recorded' | 'withdrawn'}` | 'demand.waived';

export const evidenceProjections: Pick<Projections, Kinds> = {
  'instance.registered': async (db, event) => {
    const credential = named(event.credential);
    const { consumer, instance, boot, replaces } = event.body;
    if (replaces !== null) {
      await db
        .updateTable('instances')
        .set({ left_at: event.at, how: 'replaced' })
        .where('credential', '=', credential)
        .where('consumer', '=', consumer)
        .where('instance', '=', instance)
        .where('boot', '=', replaces)
        .execute();
    }
    const row = { registered_at: event.at, left_at: null, how: null };
    await db
      .insertInto('instances')
      .values({ credential, consumer, instance, boot, ...row })
      .onConflict((conflict) => conflict.columns(['credential', 'consumer', 'instance', 'boot']).doUpdateSet(row))
      .execute();
  },
  'instance.left': async (db, event) => {
    const { consumer, instance, boot, how } = event.body;
    await db
      .updateTable('instances')
      .set({ left_at: event.at, how })
      .where('credential', '=', named(event.credential))
      .where('consumer', '=', consumer)
      .where('instance', '=', instance)
      .where('boot', '=', boot)
      .execute();
  },
  'evidence.recorded': async (db, event) => {
    const { consumer, instance, kind } = event.body;
    const row = { at: event.at, withdrawn: 0 };
    await db
      .insertInto('evidence')
      .values({
        credential: named(event.credential),
        epoch: numbered(event.epoch),
        consumer,
        instance: instance ?? '',
        kind,
        ...row,
      })
      .onConflict((conflict) =>
        conflict.columns(['credential', 'epoch', 'consumer', 'instance', 'kind']).doUpdateSet(row),
      )
      .execute();
  },
  'evidence.withdrawn': async (db, event) => {
    const { consumer, instance } = event.body;
    // What somebody said for all instances is contradicted by one of them, so it goes too.
    await db
      .updateTable('evidence')
      .set({ withdrawn: 1 })
      .where('credential', '=', named(event.credential))
      .where('epoch', '=', numbered(event.epoch))
      .where('consumer', '=', consumer)
      .where('instance', 'in', [instance, ''])
      .execute();
  },
  'demand.waived': async (db, event) => {
    const { consumer, instance, who, why } = event.body;
    const row = { who, why, at: event.at };
    await db
      .insertInto('waivers')
      .values({
        credential: named(event.credential),
        epoch: numbered(event.epoch),
        consumer,
        instance: instance ?? '',
        ...row,
      })
      .onConflict((conflict) => conflict.columns(['credential', 'epoch', 'consumer', 'instance']).doUpdateSet(row))
      .execute();
  },
};
