import {
  condition,
  continueAsNew,
  ParentClosePolicy,
  patched,
  startChild,
  workflowInfo,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { incidentDependentsWorkflowId, type CredentialId } from '../domain/identifiers.ts';
import type { Declaration } from '../domain/incident.ts';
import { alarmNotice } from '../domain/notice.ts';
import { queues } from '../domain/queues.ts';
import { unlessStarted } from './already-started.ts';
import { incidentEffects } from './effects.ts';
import { untilDone } from './incident-again.ts';
import { lastTries } from './incident-notices.ts';
import { troubleOf } from './trouble.ts';

export interface DependentsInput {
  readonly declaration: Declaration;
  /** What they depend on, replaced now. */
  readonly after: CredentialId;
  /** In order; each is asked for before the next. */
  readonly dependents: readonly CredentialId[];
  /** Asked for already, and not rotated yet; only on a continue-as-new. */
  readonly carried?: readonly Asked[];
  /** Not asked for yet, in order; only on a continue-as-new. */
  readonly left?: readonly CredentialId[];
}

interface Asked {
  readonly credential: CredentialId;
  /** The epoch it had: a later one is the rotation asked for. */
  readonly epoch: number;
}

/** After so many failures in a row a dependent lets the others go before it. */
const turn = 5;

/** The longest wait between two looks, milliseconds: a scheduled rotation may wait for a person for days. */
const slowest = 10 * 60_000;

/**
 * Asks for the scheduled rotations of what depends on a replaced credential, in order, and for those of their own
 * dependents after each. One that waits for a person, or cannot be asked for, holds only what depends on it.
 */
export async function rotateDependents(input: DependentsInput): Promise<void> {
  const { declaration, after, dependents } = input;
  const { incident, who, pace } = declaration;
  const waiting: Asked[] = [...(input.carried ?? [])];
  const left: CredentialId[] = [...(input.left ?? (input.carried === undefined ? dependents : []))];
  // A run of an earlier build asks again and again for one that is refused.
  const goesOn = patched('dependents-go-on');
  const old = (): boolean => goesOn && workflowInfo().continueAsNewSuggested;
  for (let credential = left.shift(); credential !== undefined; credential = left.shift()) {
    const wanted = credential;
    const asked = await untilDone(
      pace,
      () => incidentEffects.rotateDependent({ incident, who, credential: wanted, after }),
      (failures, trouble) => goesOn && (trouble?.person === true || old() || (failures >= turn && left.length > 0)),
    );
    if ('result' in asked) {
      if (asked.result.not === undefined) waiting.push({ credential, epoch: asked.result.epoch });
    } else if (asked.stopped?.person === true) await tellRefused(credential, asked.stopped.why);
    else left.push(credential);
    if (old()) await continueAsNew<typeof rotateDependents>({ ...input, carried: waiting, left });
  }

  for (let waited = pace.outcomeEvery; waiting.length > 0; waited = Math.min(slowest, waited * 1.5)) {
    for (const asked of [...waiting]) {
      const { rotated, gone, next } = await look(asked);
      if (!rotated && !gone) continue;
      waiting.splice(waiting.indexOf(asked), 1);
      if (rotated && next.length > 0) await follow(asked.credential, next);
    }
    if (waiting.length === 0) return;
    if (workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof rotateDependents>({ ...input, carried: waiting, left: [] });
    await condition(() => false, waited);
  }

  /** No retry will help: it stays as it is until a person rotates it. */
  async function tellRefused(credential: CredentialId, why: string): Promise<void> {
    const at = Date.now();
    const notice = alarmNotice({
      credential,
      team: undefined,
      alarm: `dependent/${incident}`,
      at,
      since: at,
      page: true,
      reminder: 0,
    });
    const event = { kind: `dependent-refused.${credential}`, actor: 'incident', body: { credential, after, why } };
    const stops = (failures: number): boolean => failures >= lastTries || old();
    await untilDone(
      pace,
      () => incidentEffects.recordIncident({ declaration, versions: [], facts: [], events: [event] }),
      stops,
    );
    await untilDone(pace, () => incidentEffects.tellPeople({ notice, remembered: {} }), stops);
  }

  async function look({ credential, epoch }: Asked) {
    try {
      const { rotated, gone, dependents: next } = await incidentEffects.askRotated({ credential, after: epoch });
      return { rotated, gone, next };
    } catch (thrown) {
      // The ledger answers later.
      troubleOf(thrown);
      return { rotated: false, gone: false, next: [] };
    }
  }

  /** Once for each credential of an incident: its id sees to that. */
  async function follow(credential: CredentialId, next: readonly CredentialId[]): Promise<void> {
    await startChild<typeof rotateDependents>('rotateDependents', {
      workflowId: incidentDependentsWorkflowId(incident, credential),
      taskQueue: queues.emergency,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      args: [{ declaration, after: credential, dependents: next }],
    }).catch(unlessStarted);
  }
}
