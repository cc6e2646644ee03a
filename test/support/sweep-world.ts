import { createSweepActivities } from '../../activities/sweep/activities.ts';
import type { SweepHooks } from '../../activities/sweep/ports.ts';
import { asTargets } from '../../inventory/targets.ts';
import { defaultLimits, type SweepInput, type SweepLimits } from '../../domain/sweep.ts';
import { activitySignal } from '../../worker/interceptors.ts';
import { keepSchedule, sweepNow, sweepSchedule } from '../../worker/schedule.ts';
import { sweepStarts } from '../../worker/sweep-starts.ts';
import type { SweepReport } from '../../workflows/sweep-inventory.ts';
import { quick } from './entries.ts';
import { openStage, type Stage } from './rotation-world.ts';
import { until } from './until.ts';

/** A stage whose worker sweeps too, by a real Schedule that fires only when it is asked to. */
export interface SweepStage extends Stage {
  /** One sweep by the Schedule, to its end. */
  sweep(changes?: Partial<SweepLimits>): Promise<SweepReport>;
}

/** Nothing waits for an hour in a test; what a test is about it makes small itself. */
export const sweepInput = (changes: Partial<SweepLimits> = {}): SweepInput => ({
  limits: { ...defaultLimits, runSettles: 0, ...changes },
  pace: quick,
});

const monthly = 30 * 86_400_000;

export async function openSweepStage(hooks: SweepHooks = {}): Promise<SweepStage> {
  const stage = await openStage({
    activities: (ports, client) =>
      createSweepActivities(
        {
          ...ports,
          hooks,
          starts: sweepStarts(client),
          targets: async () =>
            Object.entries(asTargets(await ports.ledger.appliedTargets()).targets).map(([name, { provider }]) => ({
              name,
              provider,
            })),
        },
        activitySignal,
      ),
  });
  const { client } = stage;
  return {
    ...stage,
    async sweep(changes = {}) {
      await keepSchedule(client, { every: monthly, input: sweepInput(changes) });
      const handle = client.schedule.getHandle(sweepSchedule);
      const ran = async () => (await handle.describe()).info;
      const before = (await ran()).numActionsTaken;
      await sweepNow(client);
      await until('the Schedule has started a sweep', async () => (await ran()).numActionsTaken > before);
      const last = (await ran()).recentActions.at(-1);
      if (last?.action.type !== 'startWorkflow') throw new Error('the Schedule started no workflow');
      // Our own workflow's result; the client cannot know its type.
      return (await client.workflow.getHandle(last.action.workflow.workflowId).result()) as SweepReport;
    },
  };
}
