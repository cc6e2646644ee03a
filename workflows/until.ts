import { ActivityFailure, ApplicationFailure, isCancellation, TimeoutFailure } from '@temporalio/workflow';
import { errorTable, isErrorCode } from '../domain/errors.ts';
import { scattered } from '../domain/jitter.ts';
import type { Answer, Pace, Step } from '../domain/rotation.ts';
import type { Inbox } from './inbox.ts';

/** Thrown to plan anew; caught only by the rotation's outermost loop. */
export class StartOver extends Error {}
/** Thrown when a run cannot go on and nothing was begun. */
export class RunFailed extends Error {}

export interface Runner {
  readonly inbox: Inbox;
  readonly pace: Pace;
  /** Shows people where the run is and what it waits for. */
  enter(step: Step, waitsFor?: string): void;
  /** Adds milliseconds in which this step waited and somebody could have woken it. */
  watched(step: Step, milliseconds: number): void;
  /** Continues as new when the run is old enough; called only between effects. */
  renewIfOld(step: Step): Promise<void>;
  /** Has this run started an effect that something may have come of? */
  begun(): boolean;
  /** What leaked is still owed: the run does not end as failed, whatever stands in its way. */
  urgent(): boolean;
  /** What leaked is not dead and its successor not there: no wait keeps the plan, both are tried again after it. */
  restless(): boolean;
  /** Never throws. Tells people once that an effect is refused for good and is tried on. */
  alarm(step: Step, text: string): Promise<void>;
}

/**
 * Runs one effect until it is done. A fresh escalation is looked at right after each effect; it, or `startOver`, throws
 * StartOver. Time-outs and retryable errors wait with growing distance, each run for a time of its own: those that one
 * provider has turned away together come back apart. Other errors hold and alarm, and are tried on.
 */
export async function until<Result>(
  runner: Runner,
  step: Step,
  effect: () => Promise<Answer<Result>>,
): Promise<Result> {
  let failures = 0;
  for (;;) {
    runner.enter(step);
    runner.inbox.sleepless();
    let tried: Attempt<Result>;
    // In place, and not in a function of its own: the SDK notes a stack for every promise of a workflow.
    try {
      tried = { answer: await effect(), failed: false, permanent: false };
    } catch (thrown) {
      tried = amountsTo(thrown);
    }
    const attempt = urgently(runner, step, tried);
    let { answer } = attempt;
    // Planning and closing are done when they say so: their caller looks at the inbox itself.
    const closes = answer.kind === 'done' && (step === 'preflight' || step === 'done' || endsRun(answer.result));
    if (runner.inbox.fresh() && !closes) throw new StartOver('escalated');
    if (answer.kind === 'done') return answer.result;
    if (answer.kind === 'startOver') throw new StartOver(answer.reason);
    if (answer.kind === 'fail') throw new RunFailed(answer.reason);
    if (attempt.failed) {
      failures += 1;
      if (attempt.permanent && !runner.begun() && !runner.urgent()) throw new RunFailed(answer.reason);
      if (attempt.permanent) await runner.alarm(step, answer.reason);
      const backoff = Math.min(runner.pace.retryTo, runner.pace.retryFrom * 2 ** Math.min(failures - 1, 20));
      answer = { ...answer, againIn: Math.max(answer.againIn, backoff) };
    }
    runner.enter(answer.step ?? step, answer.reason);
    await runner.renewIfOld(answer.step ?? step);
    const before = Date.now();
    const restless = runner.restless();
    if (restless) answer = { ...answer, againIn: Math.min(answer.againIn, runner.pace.retryTo) };
    if (attempt.failed) answer = { ...answer, againIn: scattered(answer.againIn, Math.random()) };
    await runner.inbox.pause(answer.againIn);
    // Time beyond what was asked for was spent while nobody could watch.
    runner.watched(step, Math.min(Date.now() - before, answer.againIn));
    if (runner.inbox.fresh() || restless) throw new StartOver('what leaked comes first');
  }
}

/** The effect has closed the run in the ledger: what arrives now opens another. */
function endsRun(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'ended';
}

interface Attempt<Result> {
  readonly answer: Answer<Result>;
  readonly failed: boolean;
  readonly permanent: boolean;
}

/** What would end a run is waited for while something that leaked is owed; an entry nobody knows ends it still. */
function urgently<Result>(runner: Runner, step: Step, attempt: Attempt<Result>): Attempt<Result> {
  const { answer } = attempt;
  if (answer.kind !== 'fail' || step === 'preflight' || !runner.urgent()) return attempt;
  return failedWith(answer.reason, 0, true);
}

/** What a failed effect amounts to. Only cancellation and our own bugs pass through: a rotation survives all else. */
function amountsTo(thrown: unknown): Attempt<never> {
  if (isCancellation(thrown) || !(thrown instanceof ActivityFailure)) throw thrown;
  const { cause } = thrown;
  if (cause instanceof TimeoutFailure) return failedWith(`${thrown.activityType} timed out`, 0, false);
  if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) {
    const retryAfter = cause.details?.[0];
    const again = typeof retryAfter === 'number' ? retryAfter : 0;
    return failedWith(`${cause.type}: ${cause.message}`, again, !errorTable[cause.type].retryable);
  }
  return failedWith(`${thrown.activityType} failed in a way this worker does not know`, 60_000, true);
}

const failedWith = (reason: string, againIn: number, permanent: boolean): Attempt<never> => ({
  answer: { kind: 'wait', reason, againIn },
  failed: true,
  permanent,
});
