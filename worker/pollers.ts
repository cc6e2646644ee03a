import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { queues } from '../domain/queues.ts';

/** A worker as the server saw it ask for work. */
export interface Poller {
  readonly queue: string;
  readonly identity: string;
  readonly work: 'workflows' | 'activities';
}

const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = proto.temporal.api.enums.v1.TaskQueueType;

/** A poll lasts a minute at most; the server remembers for some minutes who asked. Later than this, in milliseconds, nobody is there. */
const pollsWithin = 90_000;

/** Every queue that workers serve: workflows run on three of them, activities on all. */
const served: readonly Pick<Poller, 'queue' | 'work'>[] = [
  { queue: queues.rotations, work: 'workflows' },
  { queue: queues.emergency, work: 'workflows' },
  { queue: queues.containment, work: 'workflows' },
  ...Object.values(queues).map((queue) => ({ queue, work: 'activities' }) as const),
];

/** Who polls our queues now, ourselves among them. */
export async function readPollers(client: Client): Promise<readonly Poller[]> {
  const answers = await Promise.all(
    served.map(async ({ queue, work }) => {
      const { pollers } = await client.workflowService.describeTaskQueue({
        namespace: client.options.namespace,
        taskQueue: { name: queue },
        taskQueueType: work === 'workflows' ? TASK_QUEUE_TYPE_WORKFLOW : TASK_QUEUE_TYPE_ACTIVITY,
      });
      return (pollers ?? [])
        .filter(({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1_000 <= pollsWithin)
        .map(({ identity }) => ({ queue, work, identity: identity ?? '' }));
    }),
  );
  return answers.flat();
}

/** Queues that nobody serves, or of whose work some is left lying. */
export function unserved(pollers: readonly Poller[]): readonly string[] {
  return Object.values(queues).flatMap((queue) => {
    const there = pollers.filter((one) => one.queue === queue);
    if (there.length === 0) return [queue];
    const lacking = served.filter((one) => one.queue === queue && !there.some(({ work }) => work === one.work));
    return lacking.map(({ work }) => `${queue} (${work})`);
  });
}
