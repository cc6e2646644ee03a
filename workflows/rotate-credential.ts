import {
  ActivityFailure,
  continueAsNew,
  isCancellation,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';
import type { Refill } from '../activities/keep-standby.ts';
import type { PlanRotationInput } from '../activities/plan-rotation.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { scattered } from '../domain/jitter.ts';
import {
  done,
  readCarried,
  type Carried,
  type Discards,
  type Doomed,
  type RotationInput,
  type RotationResult,
  type RunPlan,
  type Step,
} from '../domain/rotation.ts';
import { effects, emergencyEffects } from './effects.ts';
import { openInbox } from './inbox.ts';
import { keepBounds } from './keep-bounds.ts';
import { rotationStatus } from './messages.ts';
import { refillStandby } from './refill-standby.ts';
import { tellPeople } from './tell-people.ts';
import { RunFailed, StartOver, until, type Runner } from './until.ts';

/**
 * Rotates one credential. Every pass asks what is wanted and what is doomed now, and does the next thing: crash
 * recovery, roll-back, escalation and take-over are that one question and nothing else.
 */
export async function rotateCredential(input: RotationInput): Promise<RotationResult> {
  const carried = readCarried(input.carried);
  const inbox = openInbox(carried?.compromised ?? []);
  let passes = carried?.passes ?? 0;
  // The ledger closes a run once; what arrives while the workflow is returning opens another.
  const run = (): string => `${workflowInfo().firstExecutionRunId}/${passes}`;
  let version: VersionId | undefined;
  let status: { step: Step; since: number; waitsFor: string | undefined } = {
    step: carried?.step ?? 'preflight',
    since: Date.now(),
    waitsFor: undefined,
  };
  setHandler(rotationStatus, () => ({ ...status, version }));

  const startedAt = Date.now();
  let begun = carried !== undefined;
  let confirmingFor = carried?.watched ?? 0;
  let leaked = false;
  let restless = false;
  let discards = carried?.discards;
  const about = (id: VersionId) => ({
    credential: input.credential,
    version: id,
    run: run(),
    compromised: inbox.known(),
    watched: confirmingFor,
  });
  // What leaked is replaced in earnest, by whatever run hears of it.
  const rehearses = (): boolean => input.rehearse && !inbox.escalated();
  const effect = (): Activities => (inbox.escalated() ? emergencyEffects : effects);
  const runner: Runner = {
    inbox,
    pace: input.pace,
    enter: (step, waitsFor) => {
      begun ||= step !== 'preflight';
      status = { step, since: status.step === step ? status.since : Date.now(), waitsFor };
    },
    watched: (step, milliseconds) => {
      if (step === 'confirming') confirmingFor += milliseconds;
    },
    renewIfOld: async (step) => {
      if (Date.now() - startedAt < input.pace.renewAfter && !workflowInfo().continueAsNewSuggested) return;
      if (inbox.fresh()) return;
      const state = { format: 1, compromised: inbox.known(), step, watched: confirmingFor, passes } as const;
      const next: Carried = discards === undefined ? state : { ...state, discards };
      await continueAsNew<typeof rotateCredential>({ ...input, carried: next });
    },
    begun: () => begun,
    urgent: () => leaked || inbox.escalated(),
    restless: () => restless,
    alarm: (step, text) => tellPeople(effect(), { credential: input.credential, key: `effect/${step}`, text }),
  };
  const step = <Result>(name: Step, run: Parameters<typeof until<Result>>[2]): Promise<Result> =>
    until(runner, name, run);

  // What leaked dies at its bound, wherever the run stands then and whatever it waits for.
  const bounds = keepBounds((id) => effect().revokeUntilDead(about(id)), input.pace);
  let refilled: Refill = { tries: 0, trouble: undefined };
  let hasty = 0;
  for (;;) {
    const began = Date.now();
    try {
      const ended = await runbook().catch(closeIfFailed);
      // An escalation that arrived while the run was closing is planned for, not lost with it.
      if (ended !== undefined && !inbox.fresh()) return ended;
      if (ended !== undefined) passes += 1;
    } catch (thrown) {
      if (!(thrown instanceof StartOver)) throw thrown;
    }
    // Plan and world that keep disagreeing must not become a busy loop; an escalation is never kept waiting.
    hasty = Date.now() - began < 5_000 ? hasty + 1 : 0;
    if (hasty > 5 && !inbox.fresh()) {
      const again = Math.min(input.pace.retryTo, input.pace.retryFrom * 2 ** (hasty - 5));
      await inbox.pause(scattered(again, Math.random()));
    }
  }

  function closeIfFailed(thrown: unknown): Promise<RotationResult | undefined> {
    if (thrown instanceof RunFailed) return close('failed', thrown.message);
    throw thrown;
  }

  function asked(compromised: readonly VersionId[]): PlanRotationInput {
    const { credential, reason, actor } = input;
    return { credential, run: run(), reason, actor, rehearse: rehearses(), compromised, refill: refilled };
  }

  async function runbook(): Promise<RotationResult | undefined> {
    const compromised = inbox.take();
    restless = false;
    // A plan would want another version in place of the one that is being discarded; only what leaked asks for that.
    if (discards !== undefined && !inbox.escalated() && patched('discarding-goes-on')) return discardAll(discards);
    discards = undefined;
    const planned = await step('preflight', () => effect().planRotation(asked(compromised)));
    if (planned.kind === 'ended') return { outcome: planned.outcome, why: planned.why };
    if (inbox.fresh()) throw new StartOver('escalated');
    const { plan } = planned;
    version = plan.wanted;
    leaked = plan.doomed.some((one) => one.compromised);
    bounds.set(plan);

    if (plan.killFirst.length > 0) await killFirst(plan);
    const { wanted } = plan;
    // Until a successor is there each wait ends in a new plan, which kills again what would not die.
    restless = leaked && (wanted === undefined || plan.issue || plan.promote);
    if (wanted !== undefined && (plan.issue || plan.promote)) {
      if (plan.issue) await step('issuing', () => effect().issueAndStage(about(wanted)));
      const verdict = await step('verifying', () => effect().verifyVersion(about(wanted)));
      // What waits for its replacement is not given up with one that does not work.
      if (verdict === 'refused' && bounds.waits()) throw new StartOver('the replacement was refused');
      if (verdict === 'refused' || rehearses()) {
        discards = {
          version: wanted,
          others: plan.doomed.filter((one) => one.neverCurrent || one.compromised),
          why: verdict === 'refused' ? 'the provider refused the new version' : undefined,
        };
        return discardAll(discards);
      }
      const promotion = await step('promoting', () =>
        effect().promoteAndNotify({ ...about(wanted), why: plan.why, expectedEpoch: plan.expectedEpoch }),
      );
      if (promotion.decidedNow) confirmingFor = 0;
      restless = false;
    }
    const last = plan.refill === undefined ? plan.doomed.at(-1) : undefined;
    for (const doomed of plan.doomed) {
      const ended = await retire(doomed, doomed === last);
      if (ended !== undefined) return ended;
    }
    if (plan.refill !== undefined) refilled = await refillStandby(runner, effect(), about(plan.refill), refilled.tries);
    return undefined;
  }

  /**
   * What leaked is revoked before anything is issued; its death is proved later, with the other doomed ones. Before
   * that, once and without waiting, a version that stands ready (resumed if it was suspended) becomes current.
   */
  async function killFirst(plan: RunPlan): Promise<void> {
    const { wanted } = plan;
    if (wanted !== undefined && !plan.issue && plan.promote) {
      await once('verifying', () => effect().verifyVersion(about(wanted)));
      await once('promoting', () =>
        effect().promoteAndNotify({ ...about(wanted), why: plan.why, expectedEpoch: plan.expectedEpoch }),
      );
    }
    for (const leaked of plan.killFirst) await once('revoking', () => effect().revokeUntilDead(about(leaked)));
  }

  /** Tries an effect without waiting for it; the runbook comes to it again. */
  async function once(name: Step, run: () => Promise<unknown>): Promise<void> {
    runner.enter(name);
    try {
      await run();
    } catch (thrown) {
      if (isCancellation(thrown) || !(thrown instanceof ActivityFailure)) throw thrown;
    }
    if (inbox.fresh()) throw new StartOver('escalated');
  }

  /** Answers how the run ended, where the last version's end was the end of it. */
  async function retire(doomed: Doomed, last = false): Promise<RotationResult | undefined> {
    const fewer = patched('fewer-effects');
    if (!doomed.compromised && !doomed.neverCurrent) {
      const opened = await step('confirming', () => effect().askGate(about(doomed.version)));
      if (!fewer || opened?.soaks !== false)
        await step('soaking', () => effect().suspendUnderGate(about(doomed.version)));
    }
    const { version: id } = doomed;
    if (bounds.waits(id))
      await step('confirming', async () => {
        const remaining = bounds.remaining(id);
        return remaining > 0 ? effect().awaitReplacement({ ...about(id), remaining }) : done(null);
      });
    const since = Date.now();
    let moved = false;
    await step('revoking', async () => {
      const late = (): boolean => Date.now() - since >= input.pace.debtAfter;
      try {
        const answer = await effect().revokeUntilDead(about(doomed.version));
        if (answer.kind !== 'wait' || !late()) return answer;
      } catch (thrown) {
        if (isCancellation(thrown) || !(thrown instanceof ActivityFailure) || !late()) throw thrown;
      }
      const answer = await effect().moveDebt(about(doomed.version));
      moved = answer.kind === 'done';
      return answer;
    });
    // Its own workflow destroys it when it is dead.
    if (moved) return undefined;
    const closing = fewer && last ? { closing: asked(inbox.known()) } : {};
    const ended = await step('destroying', () => effect().destroyVersion({ ...about(doomed.version), ...closing }));
    return ended?.kind === 'ended' ? { outcome: ended.outcome, why: ended.why } : undefined;
  }

  async function discardAll({ version: made, others, why }: Discards): Promise<RotationResult | undefined> {
    version = made;
    await step('discarding', () => effect().revokeUntilDead(about(made)));
    await step('discarding', () => effect().destroyVersion(about(made)));
    restless = false;
    for (const one of others) await retire(one);
    const ended = await close('discarded', why);
    discards = undefined;
    return ended;
  }

  async function close(outcome: 'failed' | 'discarded', why: string | undefined): Promise<RotationResult | undefined> {
    const closed = await step('done', () =>
      effect().closeRun({ credential: input.credential, run: run(), outcome, why }),
    );
    return closed.again ? undefined : { outcome, why: closed.why };
  }
}
