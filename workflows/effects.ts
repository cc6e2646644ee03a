import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';
import type { IncidentActivities } from '../activities/containment/activities.ts';
import type { IncidentEffects } from '../activities/incident/activities.ts';
import { emergencyQueue, queues } from '../domain/queues.ts';

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

const first = { priority: { priorityKey: 1 } } as const;

/** Killing, and telling rotations to replace: on slots that nothing else takes. */
export const containment = proxyActivities<
  IncidentActivities & Pick<IncidentEffects, 'escalateRotations' | 'takeOverRotation'>
>({
  ...bounded,
  ...first,
  taskQueue: queues.containment,
});

/**
 * Killing at a target with a rate limit: its own queue, which the server keeps to the rate. No worker may poll it yet
 * (the target was applied a moment ago): then the shared queue has it.
 */
export const containmentAt = (target: string): IncidentActivities =>
  proxyActivities<IncidentActivities>({
    ...bounded,
    ...first,
    scheduleToStartTimeout: '30 s',
    taskQueue: emergencyQueue(target),
  });

/** What an incident does beside killing. */
export const incidentEffects = proxyActivities<IncidentEffects>({
  ...bounded,
  ...first,
  taskQueue: queues.emergency,
});
