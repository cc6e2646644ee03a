import { ApplicationFailure } from '@temporalio/common';
import { toFailure as scrubbed } from '../../activities/failures.ts';
import type { Agenda } from './agenda.ts';
import {
  fromPayload,
  lengthOf,
  retryState,
  timeoutType,
  toFailure,
  toPayload,
  type Command,
  type Failure,
  type Job,
} from './sandbox.ts';

/** One attempt of an activity. What it does passes through ports that look at it: the dead do nothing, the frozen later. */
export interface Life {
  readonly signal: AbortSignal;
  dead: boolean;
  frozenUntil: number;
}

export type ActivityFunctions = Readonly<Record<string, (input: never) => Promise<unknown>>>;
type Scheduled = NonNullable<Command['scheduleActivity']>;
type Result = NonNullable<NonNullable<Job['resolveActivity']>['result']>;

export interface Attempts {
  /** Tries an activity as often as its policy says; resolves it once, for a workflow that is not over. */
  run(command: Scheduled, over: () => boolean, resolve: (result: Result) => void): void;
  /** Every attempt under way ends where it stands, and nobody is told. */
  crash(): void;
  /** Every attempt under way stands still until then, and goes on. */
  freeze(until: number): void;
}

export interface AttemptsInput {
  readonly agenda: Agenda;
  /** When a worker takes up what is scheduled now. */
  readonly begins: () => number;
  readonly activitiesOf: (life: Life) => ActivityFunctions;
}

export function attempts({ agenda, begins, activitiesOf }: AttemptsInput): Attempts {
  const lives = new Map<Life, () => void>();

  function run(command: Scheduled, over: () => boolean, resolve: (result: Result) => void): void {
    const type = command.activityType ?? '';
    const most = command.retryPolicy?.maximumAttempts ?? 0;
    // Whatever the workflow gave: the activity's own type says what it expects.
    const input = fromPayload(command.arguments?.[0]) as never;
    const fail = (cause: Failure): void => resolve({ failed: { failure: failureOf(command, cause) } });

    function attempt(number: number): void {
      const abort = new AbortController();
      const life: Life = { signal: abort.signal, dead: false, frozenUntil: 0 };
      const timers: (() => void)[] = [];
      let settled = false;
      const settles = (): boolean => {
        if (settled) return false;
        settled = true;
        lives.delete(life);
        for (const callOff of timers) callOff();
        return true;
      };
      const again = (cause: Failure, retryable: boolean, delay?: number): void => {
        if (!retryable || (most > 0 && number >= most)) return fail(cause);
        const wait = delay ?? Math.min(500 * 2 ** (number - 1), 60_000);
        agenda.at(agenda.now() + wait, 'attempt', () => attempt(number + 1));
      };
      const misses = (after: number, type_: number, what: string): void => {
        const miss = agenda.at(agenda.now() + after, what, () => {
          if (!settles()) return;
          abort.abort();
          again({ message: what, timeoutFailureInfo: { timeoutType: type_ } }, true);
        });
        timers.push(miss);
      };
      agenda.at(begins(), `${type} attempt ${number}`, () => {
        if (over()) return;
        // The worker is gone or stands still: its heartbeat is missed.
        const heartbeat = Math.max(1, lengthOf(command.heartbeatTimeout));
        lives.set(life, () => misses(heartbeat, timeoutType.TIMEOUT_TYPE_HEARTBEAT, 'heartbeat'));
        misses(lengthOf(command.startToCloseTimeout), timeoutType.TIMEOUT_TYPE_START_TO_CLOSE, 'start to close');
        const activity = activitiesOf(life)[type];
        if (activity === undefined) throw new Error(`there is no activity ${type}`);
        activity(input).then(
          (result) => {
            if (!life.dead && settles()) resolve({ completed: { result: toPayload(result) } });
          },
          (thrown: unknown) => {
            if (life.dead || !settles()) return;
            const failure = scrubbed(thrown);
            const known = failure instanceof ApplicationFailure ? failure : undefined;
            again(toFailure(failure), known?.nonRetryable !== true, delayOf(known));
          },
        );
      });
    }
    attempt(1);
  }

  return {
    run,
    crash() {
      for (const [life, missed] of lives) {
        life.dead = true;
        missed();
      }
    },
    freeze(until) {
      for (const [life, missed] of lives) {
        life.frozenUntil = until;
        missed();
      }
    },
  };
}

const failureOf = (command: Scheduled, cause: Failure): Failure => ({
  message: 'Activity task failed',
  cause,
  activityFailureInfo: {
    activityType: { name: command.activityType ?? '' },
    activityId: command.activityId ?? '',
    identity: 'simulation',
    retryState: retryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED,
  },
});

const delayOf = (failure: ApplicationFailure | undefined): number | undefined =>
  typeof failure?.nextRetryDelay === 'number' ? failure.nextRetryDelay : undefined;
