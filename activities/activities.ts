import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import { done, wait, type Answer, type AwaitInput, type EffectInput, type Planned } from '../domain/rotation.ts';
import { askGate, suspendUnderGate, type Opened } from './ask-gate.ts';
import { awaitReplacement } from './await-replacement.ts';
import { destroyAndClose, type DestroyInput } from './destroy-and-close.ts';
import { issueAndStage } from './issue-and-stage.ts';
import { planRotation, type PlanRotationInput } from './plan-rotation.ts';
import type { ActivityPorts } from './ports.ts';
import { promoteAndNotify, type PromoteInput } from './promote-and-notify.ts';
import { revokeUntilDead } from './revoke-until-dead.ts';
import { verifyVersion } from './verify-version.ts';
import { watchTarget } from './watch-target.ts';
import { versionOf } from './world.ts';
import { wouldHold } from './would-hold.ts';

/** One effect each: bounded, idempotent on the version id, with its own events. What they return lives in history. */
export interface Activities {
  planRotation(input: PlanRotationInput): Promise<Answer<Planned>>;
  issueAndStage(input: EffectInput): Promise<Answer<null>>;
  verifyVersion(input: EffectInput): Promise<Answer<'accepted' | 'refused'>>;
  promoteAndNotify(input: PromoteInput): Promise<Answer<{ readonly epoch: number; readonly decidedNow: boolean }>>;
  askGate(input: EffectInput): Promise<Answer<Opened | null>>;
  suspendUnderGate(input: EffectInput): Promise<Answer<null>>;
  awaitReplacement(input: AwaitInput): Promise<Answer<null>>;
  revokeUntilDead(input: EffectInput): Promise<Answer<null>>;
  destroyVersion(input: DestroyInput): Promise<Answer<Planned | null>>;
  moveDebt(input: EffectInput): Promise<Answer<null>>;
  closeRun(input: CloseInput): Promise<Answer<{ readonly again: boolean; readonly why: string }>>;
  raiseAlarm(input: AlarmInput): Promise<void>;
  watchTarget(input: { readonly target: string }): Promise<null>;
}

export interface CloseInput {
  readonly credential: CredentialId;
  readonly run: string;
  readonly outcome: 'failed' | 'discarded';
  /** Undefined for a rehearsal: what a rotation would have waited for is told instead. */
  readonly why: string | undefined;
}

export interface AlarmInput {
  readonly credential: CredentialId;
  readonly key: string;
  readonly text: string;
}

/** `signal` gives each call the cancellation signal of the activity it runs in; a simulation passes its own. */
export function createActivities(ports: ActivityPorts, signal: () => AbortSignal): Activities {
  return {
    planRotation: (input) => planRotation(ports, input, signal()),
    issueAndStage: (input) => issueAndStage(ports, input, signal()),
    verifyVersion: (input) => verifyVersion(ports, input, signal()),
    promoteAndNotify: (input) => promoteAndNotify(ports, input, signal()),
    askGate: (input) => askGate(ports, input, signal()),
    suspendUnderGate: (input) => suspendUnderGate(ports, input, signal()),
    awaitReplacement: (input) => awaitReplacement(ports, input, signal()),
    revokeUntilDead: (input) => revokeUntilDead(ports, input, signal()),
    destroyVersion: (input) => destroyAndClose(ports, input, signal()),
    moveDebt: (input) => moveDebt(ports, input.credential, input.version),
    closeRun: (input) => closeRun(ports, input, signal()),
    raiseAlarm: ({ credential, key, text }) => ports.ledger.alarm({ credential, key, text, page: true }),
    watchTarget: (input) => watchTarget(ports, input, signal()),
  };
}

async function closeRun(
  ports: ActivityPorts,
  input: CloseInput,
  signal: AbortSignal,
): Promise<Answer<{ again: boolean; why: string }>> {
  const { credential, run, outcome } = input;
  const why = input.why ?? (await rehearsed(ports, credential, signal));
  return done({ ...(await ports.ledger.endRun({ credential, run, outcome, why })), why });
}

async function rehearsed(ports: ActivityPorts, credential: CredentialId, signal: AbortSignal): Promise<string> {
  const facts = await ports.ledger.facts(credential);
  return `rehearsed: ${await wouldHold(ports, await ports.provider(facts.entry.target), facts, signal)}`;
}

/** Where versions are many a revoke that fails for hours gets a workflow of its own; a slot keeps its rotation open until it is dead. */
async function moveDebt(ports: ActivityPorts, credential: CredentialId, id: VersionId): Promise<Answer<null>> {
  const version = versionOf(await ports.ledger.facts(credential), id);
  if (version.fate === 'dead') return done(null);
  const { traits } = await ports.provider(version.target);
  if (traits.topology !== 'n-keys' || version.authorisedEpoch === undefined)
    return wait('the slot stays in doubt until its version is dead', 60_000);
  await ports.workflows.settleDebt(credential, id);
  await ports.ledger.debtMoved({ version: id });
  return done(null);
}
