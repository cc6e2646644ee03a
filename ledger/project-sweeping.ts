import type { Entry } from '../domain/entry.ts';
import { canonical } from './canonical.ts';
import { named } from './event-columns.ts';
import type { Projections } from './project.ts';
import type { Changes, Db } from './schema.ts';

type Kinds = 'alarm.reminded' | 'key.ignored';

export const sweepProjections: Pick<Projections, Kinds> = {
  'alarm.reminded': async (db, event) => {
    const { key, count, nextAt } = event.body;
    await db
      .updateTable('alarms')
      .set({ reminders: count, next_at: nextAt })
      .where('credential', '=', named(event.credential))
      .where('key', '=', key)
      .execute();
  },
  'key.ignored': async (db, event) => {
    const { target, ref, who, why } = event.body;
    const row = { who, why, at: event.at };
    await db
      .insertInto('ignored_keys')
      .values({ target, ref_key: canonical(ref), ...row })
      .onConflict((conflict) => conflict.columns(['target', 'ref_key']).doUpdateSet(row))
      .execute();
  },
};

/** What of an entry a sweep must find without reading it. */
export function sweptColumns(entry: Entry): Pick<Changes<'credentials'>, 'target' | 'standby'> & {
  readonly target: string;
  readonly standby: number;
} {
  return { target: entry.target, standby: entry.standby ? 1 : 0 };
}

export async function keepMates(db: Db, credential: string, entry: Entry): Promise<void> {
  await db.deleteFrom('mates').where('credential', '=', credential).execute();
  const mates = [...new Set(entry.apartFrom)];
  if (mates.length === 0) return;
  await db
    .insertInto('mates')
    .values(mates.map((mate) => ({ credential, mate })))
    .execute();
}
