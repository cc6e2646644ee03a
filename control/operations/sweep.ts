import type { ScheduleStanding, Sweeping } from '../sweep-ports.ts';

/** How the Schedule of the sweeps stands; with `now`, one sweep is asked for first. */
export async function sweep(
  sweeping: Pick<Sweeping, 'schedule' | 'sweepNow'>,
  { now }: { readonly now: boolean },
): Promise<{ readonly asked: boolean; readonly schedule: ScheduleStanding }> {
  if (now) await sweeping.sweepNow();
  return { asked: now, schedule: await sweeping.schedule() };
}
