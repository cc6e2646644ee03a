import { ActivityFailure, ApplicationFailure, isCancellation } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';
import type { Refill } from '../activities/keep-standby.ts';
import { scattered } from '../domain/jitter.ts';
import type { Answer, EffectInput, Step } from '../domain/rotation.ts';
import { StartOver, type Runner } from './until.ts';

/**
 * Issues, stores and verifies a spare version; it is never promoted here. Patient for a while and no longer: nobody waits
 * for a spare, and what was begun is found and ended by the next run.
 */
export async function refillStandby(
  runner: Runner,
  effects: Activities,
  about: EffectInput,
  tries: number,
): Promise<Refill> {
  const began = Date.now();
  const trouble =
    (await attempt(runner, 'issuing', began, () => effects.issueAndStage(about))) ??
    (await attempt(runner, 'verifying', began, () => effects.verifyVersion(about)));
  return { tries: tries + 1, trouble };
}

/** Undefined when it is done; else why it is not. */
async function attempt(
  runner: Runner,
  step: Step,
  began: number,
  effect: () => Promise<Answer<unknown>>,
): Promise<string | undefined> {
  for (;;) {
    runner.enter(step);
    runner.inbox.sleepless();
    const answer = await tried(effect);
    if (runner.inbox.fresh()) throw new StartOver('escalated');
    if (answer.kind === 'done') return answer.result === 'refused' ? 'the provider refused the new one' : undefined;
    if (answer.kind !== 'wait' || Date.now() - began >= runner.pace.retryTo) return answer.reason;
    runner.enter(answer.step ?? step, answer.reason);
    const againIn = Math.min(Math.max(answer.againIn, runner.pace.retryFrom), runner.pace.retryTo);
    await runner.inbox.pause(scattered(againIn, Math.random()));
    if (runner.inbox.fresh()) throw new StartOver('escalated');
  }
}

async function tried(effect: () => Promise<Answer<unknown>>): Promise<Answer<unknown>> {
  try {
    return await effect();
  } catch (thrown) {
    if (isCancellation(thrown) || !(thrown instanceof ActivityFailure)) throw thrown;
    const { cause } = thrown;
    const reason =
      cause instanceof ApplicationFailure
        ? `${cause.type ?? 'UNAVAILABLE'}: ${cause.message}`
        : `${thrown.activityType} timed out`;
    return { kind: 'wait', reason, againIn: 0 };
  }
}
