import { ActivityFailure, continueAsNew, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';
import type { VersionId } from '../domain/identifiers.ts';
import {
  readCarried,
  type Carried,
  type Doomed,
  type RotationInput,
  type RotationResult,
  type RunPlan,
  type Step,
} from '../domain/rotation.ts';
import { effects, emergencyEffects } from './effects.ts';
import { openInbox } from './inbox.ts';
import { rotationStatus } from './messages.ts';
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
      const next: Carried = { format: 1, compromised: inbox.known(), step, watched: confirmingFor, passes };
      await continueAsNew<typeof rotateCredential>({ ...input, carried: next });
    },
    begun: () => begun,
    urgent: () => leaked || inbox.escalated(),
    restless: () => restless,
    alarm: (step, text) => tellPeople(effect(), { credential: input.credential, key: `effect/${step}`, text }),
  };
  const step = <Result>(name: Step, run: Parameters<typeof until<Result>>[2]): Promise<Result> =>
    until(runner, name, run);

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
    if (hasty > 5 && !inbox.fresh())
      await inbox.pause(Math.min(input.pace.retryTo, input.pace.retryFrom * 2 ** (hasty - 5)));
  }

  function closeIfFailed(thrown: unknown): Promise<RotationResult | undefined> {
    if (thrown instanceof RunFailed) return close('failed', thrown.message);
    throw thrown;
  }

  async function runbook(): Promise<RotationResult | undefined> {
    const compromised = inbox.take();
    restless = false;
    const planned = await step('preflight', () =>
      effect().planRotation({
        credential: input.credential,
        run: run(),
        reason: input.reason,
        actor: input.actor,
        rehearse: rehearses(),
        compromised,
      }),
    );
    if (planned.kind === 'ended') return { outcome: planned.outcome, why: planned.why };
    if (inbox.fresh()) throw new StartOver('escalated');
    const { plan } = planned;
    version = plan.wanted;
    leaked = plan.doomed.some((one) => one.compromised);

    await killFirst(plan);
    const { wanted } = plan;
    // Until a successor is there each wait ends in a new plan, which kills again what would not die.
    restless = leaked && (wanted === undefined || plan.issue || plan.promote);
    if (wanted !== undefined && (plan.issue || plan.promote)) {
      if (plan.issue) await step('issuing', () => effect().issueAndStage(about(wanted)));
      const verdict = await step('verifying', () => effect().verifyVersion(about(wanted)));
      if (verdict === 'refused' || rehearses()) {
        await discard(wanted);
        restless = false;
        for (const one of plan.doomed) if (one.neverCurrent || one.compromised) await retire(one);
        return close('discarded', verdict === 'refused' ? 'the provider refused the new version' : undefined);
      }
      const promotion = await step('promoting', () =>
        effect().promoteAndNotify({ ...about(wanted), why: plan.why, expectedEpoch: plan.expectedEpoch }),
      );
      if (promotion.decidedNow) confirmingFor = 0;
      restless = false;
    }
    for (const doomed of plan.doomed) await retire(doomed);
    return undefined;
  }

  /**
   * What leaked is revoked before anything is issued; its death is proved later, with the other doomed ones. Before
   * that, once and without waiting, a version that stands ready (resumed if it was suspended) becomes current.
   */
  async function killFirst(plan: RunPlan): Promise<void> {
    if (plan.killFirst.length === 0) return;
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

  async function retire(doomed: Doomed): Promise<void> {
    if (!doomed.compromised && !doomed.neverCurrent) {
      await step('confirming', () => effect().askGate(about(doomed.version)));
      await step('soaking', () => effect().suspendUnderGate(about(doomed.version)));
    }
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
    if (moved) return;
    await step('destroying', () => effect().destroyVersion(about(doomed.version)));
  }

  async function discard(id: VersionId): Promise<void> {
    await step('discarding', () => effect().revokeUntilDead(about(id)));
    await step('discarding', () => effect().destroyVersion(about(id)));
  }

  async function close(outcome: 'failed' | 'discarded', why: string | undefined): Promise<RotationResult | undefined> {
    const closed = await step('done', () =>
      effect().closeRun({ credential: input.credential, run: run(), outcome, why }),
    );
    return closed.again ? undefined : { outcome, why: closed.why };
  }
}
