import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';
import { queues } from '../domain/queues.ts';

/**
 * Each effect is one bounded activity. No schedule-to-close: waiting for a worker is not the effect's time. Effects
 * heartbeat, so that a killed worker is noticed in seconds.
 */
const bounded = {
  startToCloseTimeout: '20 s',
  heartbeatTimeout: '5 s',
  retry: { maximumAttempts: 3, initialInterval: '500 ms', backoffCoefficient: 2 },
} as const;

export const effects = proxyActivities<Activities>({ ...bounded, taskQueue: queues.rotations });

/** Once a run knows of an escalation all its effects go here, past any backlog. */
export const emergencyEffects = proxyActivities<Activities>({
  ...bounded,
  taskQueue: queues.emergency,
  priority: { priorityKey: 1 },
});

/** One long activity per target that reads use of watched versions until nothing is watched. */
export const watching = proxyActivities<Activities>({
  startToCloseTimeout: '1 h',
  heartbeatTimeout: '30 s',
  taskQueue: queues.watching,
  retry: { maximumAttempts: 1 },
});
