import { isDeepStrictEqual } from 'node:util';
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
} from '@temporalio/client';
import type { ScheduleStanding } from '../control/sweep-ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import { queues } from '../domain/queues.ts';
import { defaultPace } from '../domain/rotation.ts';
import { defaultLimits, type SweepInput } from '../domain/sweep.ts';

/** The one Schedule. Its runs get a time in their id; the rotations they start have ids of their own. */
export const sweepSchedule = 'sweep-inventory';

export interface SweepScheduleSettings {
  /** Milliseconds between two sweeps. */
  readonly every: number;
  readonly input: SweepInput;
}

export const defaultSweep: SweepScheduleSettings = {
  every: 60_000,
  input: { limits: defaultLimits, pace: defaultPace },
};

/** A sweep that found the server down is not made up for: the next one finds the same. At least 10 s, says Temporal. */
const catchup = 60_000;
const runTimeout = 30 * 60_000;

/**
 * Makes the Schedule, or brings it to these settings; any number of workers may do so at once. One that a person has
 * paused stays paused. UNAVAILABLE.
 */
export async function keepSchedule(
  client: Client,
  settings: SweepScheduleSettings = defaultSweep,
): Promise<'made' | 'kept' | 'changed'> {
  const wanted = {
    spec: { intervals: [{ every: settings.every }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: catchup },
    action: {
      type: 'startWorkflow' as const,
      workflowType: 'sweepInventory',
      workflowId: sweepSchedule,
      taskQueue: queues.rotations,
      args: [settings.input],
      workflowRunTimeout: runTimeout,
    },
  };
  try {
    await client.schedule.create({ scheduleId: sweepSchedule, ...wanted });
    return 'made';
  } catch (thrown) {
    if (!(thrown instanceof ScheduleAlreadyRunning)) throw unavailable(thrown);
  }
  try {
    const handle = client.schedule.getHandle(sweepSchedule);
    if (isSame(await handle.describe(), settings)) return 'kept';
    await handle.update(({ state: { paused, note } }) => ({
      ...wanted,
      state: { paused, ...(note === undefined ? {} : { note }) },
    }));
    return 'changed';
  } catch (thrown) {
    throw unavailable(thrown);
  }
}

/** Also what we never set: an end, a jitter or a last action that somebody has given it would stop the sweeps one day. */
function isSame({ spec, policies, action, state }: ScheduleDescription, settings: SweepScheduleSettings): boolean {
  const { intervals = [], calendars = [], skip = [], startAt, endAt, jitter = 0 } = spec;
  const [interval] = intervals;
  return (
    intervals.length === 1 &&
    interval?.every === settings.every &&
    (interval.offset ?? 0) === 0 &&
    calendars.length === 0 &&
    skip.length === 0 &&
    startAt === undefined &&
    endAt === undefined &&
    jitter === 0 &&
    state.remainingActions === undefined &&
    policies.overlap === ScheduleOverlapPolicy.SKIP &&
    policies.catchupWindow === catchup &&
    !policies.pauseOnFailure &&
    action.workflowType === 'sweepInventory' &&
    action.taskQueue === queues.rotations &&
    action.workflowRunTimeout === runTimeout &&
    isDeepStrictEqual(action.args, [settings.input])
  );
}

/** How the Schedule stands, for `doctor` and `keybaton sweep`. UNAVAILABLE. */
export async function scheduleStanding(client: Client): Promise<ScheduleStanding> {
  try {
    const { state, spec, info } = await client.schedule.getHandle(sweepSchedule).describe();
    const last = info.recentActions.at(-1);
    return {
      state: state.paused ? 'paused' : 'running',
      note: state.note ?? undefined,
      every: spec.intervals?.[0]?.every,
      lastAt: last?.takenAt.getTime(),
      nextAt: state.paused ? undefined : info.nextActionTimes[0]?.getTime(),
    };
  } catch (thrown) {
    if (thrown instanceof ScheduleNotFoundError)
      return { state: 'missing', note: undefined, every: undefined, lastAt: undefined, nextAt: undefined };
    throw unavailable(thrown);
  }
}

/** One sweep now, beside the Schedule's own; while one runs this is no second one. */
export async function sweepNow(client: Client): Promise<void> {
  try {
    await client.schedule.getHandle(sweepSchedule).trigger(ScheduleOverlapPolicy.SKIP);
  } catch (thrown) {
    if (thrown instanceof ScheduleNotFoundError)
      throw new KeybatonError('NOT_FOUND', 'there is no Schedule for sweeps: start a worker, which makes it');
    throw unavailable(thrown);
  }
}

const unavailable = (cause: unknown): KeybatonError =>
  new KeybatonError('UNAVAILABLE', 'Temporal did not answer about the Schedule of the sweeps', { cause });
