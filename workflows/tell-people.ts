import { ActivityFailure, isCancellation } from '@temporalio/workflow';
import type { Activities, AlarmInput } from '../activities/activities.ts';

/** Raises an alarm; with the ledger away nobody can be told now, and what it tells of is tried on and told later. */
export async function tellPeople(effects: Activities, alarm: AlarmInput): Promise<void> {
  try {
    await effects.raiseAlarm(alarm);
  } catch (thrown) {
    if (isCancellation(thrown) || !(thrown instanceof ActivityFailure)) throw thrown;
  }
}
