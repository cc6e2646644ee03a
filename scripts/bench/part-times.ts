import type { Client } from '@temporalio/client';

/** One activity of a part, milliseconds after the declaration. */
interface Asked {
  readonly activity: string;
  readonly scheduled: number;
  readonly started: number;
  readonly ended: number;
}

/** When the activities of one part of an incident were scheduled, started and done. */
export interface PartTimes {
  readonly begun: number;
  readonly events: number;
  readonly asked: readonly Asked[];
}

/** From the histories of all its runs. */
export async function partTimes(client: Client, workflowId: string, declaredAt: number): Promise<PartTimes> {
  let runId: string | undefined;
  let begun: number;
  let events = 0;
  const asked: Asked[] = [];
  do {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const all = history.events ?? [];
    const times = new Map(
      all.map(({ eventId, eventTime }) => [
        Number(eventId),
        Math.round(Number(eventTime?.seconds ?? NaN) * 1_000 + Number(eventTime?.nanos ?? 0) / 1e6 - declaredAt),
      ]),
    );
    const names = new Map(
      all.map((event) => [Number(event.eventId), event.activityTaskScheduledEventAttributes?.activityType?.name ?? '']),
    );
    const at = (id: unknown): number => times.get(Number(id)) ?? NaN;
    for (const { eventId, activityTaskCompletedEventAttributes: completed } of all) {
      if (completed === null || completed === undefined) continue;
      asked.push({
        activity: names.get(Number(completed.scheduledEventId)) ?? '',
        scheduled: at(completed.scheduledEventId),
        started: at(completed.startedEventId),
        ended: at(eventId),
      });
    }
    events += all.length;
    const before = all[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
    begun = at(1);
    runId = before === null || before === undefined || before === '' ? undefined : before;
  } while (runId !== undefined);
  return { begun, events, asked: asked.toSorted((one, other) => one.scheduled - other.scheduled) };
}
