import { proxyActivities } from '@temporalio/workflow';
import type { DrillActivities, ScheduledDrill, ScheduledDrillEnd } from '../activities/scheduled-drill.ts';
import { queues } from '../domain/queues.ts';

/** Once: what a crash leaves behind is a debt that the sweep finds, and the next drill is a new one. */
const { runDrill } = proxyActivities<DrillActivities>({
  taskQueue: queues.watching,
  startToCloseTimeout: '40 min',
  heartbeatTimeout: '15 s',
  retry: { maximumAttempts: 1 },
});

/** One scheduled drill of one credential; its id keeps two from running at once. */
export async function drillCredential(input: ScheduledDrill): Promise<ScheduledDrillEnd> {
  return runDrill(input);
}
