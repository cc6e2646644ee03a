import { codeOf } from '../domain/errors.ts';
import { leastExpiry } from '../domain/expiry.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { versionIdFrom, type CredentialId, type VersionId } from '../domain/identifiers.ts';
import type { Liveness } from '../domain/lifecycle.ts';
import { plan, type DoThis } from '../domain/plan.ts';
import {
  done,
  fail,
  startOver,
  wait,
  type Answer,
  type Outcome,
  type Planned,
  type RunPlan,
} from '../domain/rotation.ts';
import type { PreflightRequest } from '../providers/provider.ts';
import { providerCall } from './calls.ts';
import { placesOf, type ActivityPorts, type BoundProvider, type EntryPlace } from './ports.ts';
import { leakOwed, livenessOf, standings, stopped } from './world.ts';
import { wouldHold } from './would-hold.ts';

export interface PlanRotationInput {
  readonly credential: CredentialId;
  readonly run: string;
  readonly reason: string;
  readonly actor: string;
  readonly rehearse: boolean;
  readonly compromised: readonly VersionId[];
}

const recheck = 3_600_000;
/** The third spent version in one run holds: something at the provider eats creates. */
const spentLimit = 3;

/**
 * Asks ledger, backends and provider, applies the one rule, and gives a new version its id. Nothing left to do: closes
 * the run in the ledger. Idempotent: a repeat finds the pending version it planned.
 */
export async function planRotation(
  ports: ActivityPorts,
  input: PlanRotationInput,
  signal: AbortSignal,
): Promise<Answer<Planned>> {
  const { ledger } = ports;
  const opened = await openRun(ports, input);
  if (opened !== 'open') return opened;
  const facts = await ledger.facts(input.credential);
  const held = stopped(facts, input.compromised);
  if (held !== undefined) return wait(held, recheck);
  // A kill waits for nobody: what an earlier run may still be doing makes nothing that leaked more alive.
  const ambiguous = leakOwed(facts, input.compromised) ? 0 : openIntentUntil(facts, input.run);
  if (ambiguous > facts.now) return wait('an earlier effect may still appear', ambiguous - facts.now);

  const provider = await ports.provider(facts.entry.target);
  const places = await placesOf(ports, facts.entry);
  const decision = await decide(ports, input, facts, provider, places, signal);
  await resumeDebts(ports, facts);
  const byId = new Map(facts.versions.map((version) => [version.id, version]));
  const isCompromised = (id: VersionId): boolean =>
    input.compromised.includes(id) || (byId.get(id)?.compromised ?? false);
  const doomed = [
    ...decision.doomed.map((version) => ({
      version,
      compromised: isCompromised(version),
      neverCurrent: !(byId.get(version)?.everCurrent ?? false),
    })),
    // Dead already, and nothing of GATE is left to ask: what the plan is changed for in between must not keep its copies.
    ...facts.versions
      .filter((one) => leftUnerased(facts, one))
      .map(({ id }) => ({ version: id, compromised: false, neverCurrent: true })),
  ];
  const killFirst =
    facts.entry.emergency.policy === 'revoke-first'
      ? doomed.filter((one) => one.compromised).map((one) => one.version)
      : [];
  const base = {
    why: decision.why,
    expectedEpoch: facts.epochs[0]?.epoch ?? 0,
    killFirst,
    doomed,
    mode: facts.entry.mode,
  };

  if (decision.wanted === 'issue') {
    // What is current makes no room: it dies only after its successor is there, unless it leaked.
    const before = doomed.filter((one) => one.compromised || one.version !== facts.epochs[0]?.version);
    const planned = await planNewVersion(ports, facts, provider, before.length > 0, signal).catch((thrown: unknown) => {
      if (killFirst.length === 0) throw thrown;
      return undefined;
    });
    // What leaked does not live on because nothing new can be made: it dies, and what stands in the way is met again.
    if (killFirst.length > 0 && planned?.kind !== 'done')
      return work({ ...base, doomed: doomed.filter((one) => one.compromised), wanted: undefined, ...nothingNew });
    if (planned?.kind !== 'done') return planned ?? startOver('no version was planned');
    const { result: wanted } = planned;
    if (wanted === undefined) return work({ ...base, doomed: before, wanted, ...nothingNew });
    return work({ ...base, wanted, issue: true, promote: true });
  }
  const { wanted } = decision;
  const issue = wanted !== undefined && byId.get(wanted)?.issued !== true;
  if (wanted !== undefined && (issue || decision.promote)) return work({ ...base, wanted, issue, promote: true });
  if (doomed.length > 0) return work({ ...base, wanted, ...nothingNew });

  const outcome = outcomeOf(facts, input);
  const why = outcome === 'observed' ? await wouldHold(ports, provider, facts) : undefined;
  const { again } = await ledger.endRun({
    credential: input.credential,
    run: input.run,
    outcome,
    ...(why === undefined ? {} : { why }),
  });
  return again ? startOver('asked for meanwhile') : done({ kind: 'ended', outcome, why });
}

const nothingNew = { issue: false, promote: false } as const;
const work = (runPlan: RunPlan): Answer<Planned> => done({ kind: 'work', plan: runPlan });

async function openRun(ports: ActivityPorts, input: PlanRotationInput): Promise<'open' | Answer<Planned>> {
  try {
    const { ended } = await ports.ledger.startRun({
      credential: input.credential,
      run: input.run,
      reason: input.reason,
      actor: input.actor,
    });
    // It was closed here once, and the worker died before it could say so.
    return ended === undefined ? 'open' : done({ kind: 'ended', outcome: ended, why: undefined });
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === 'CONFLICT') return wait('an entry kept apart from this one is rotating', 60_000);
    if (code === 'NOT_FOUND') return fail(`${input.credential} is not in the inventory`);
    throw thrown;
  }
}

/** Dead, and a copy of its material is left where the entry keeps its versions. */
const leftUnerased = (facts: CredentialFacts, version: VersionFacts): boolean =>
  version.fate === 'dead' &&
  version.id !== facts.epochs[0]?.version &&
  version.copies.some((copy) => !copy.gone && facts.entry.backends.some(({ backend }) => backend === copy.backend));

/** A new run waits for what an earlier one may still be doing; within its own run an effect has always ended. */
function openIntentUntil(facts: CredentialFacts, run: string): number {
  if (facts.openRun?.run !== run || facts.openRun.startedAt < facts.now - 60_000) return 0;
  const startedAt = facts.openRun.startedAt;
  // What a debt's own workflow is doing is nobody else's to wait for.
  const open = facts.versions.flatMap((version) =>
    (version.debtMoved ? [] : version.intents).filter(
      (intent) => intent.outcome === undefined && intent.until - startedAt > 0 && version.createdAt < startedAt,
    ),
  );
  return Math.max(0, ...open.map((intent) => intent.until));
}

async function decide(
  ports: ActivityPorts,
  input: PlanRotationInput,
  facts: CredentialFacts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  signal: AbortSignal,
): Promise<DoThis> {
  const liveness = new Map<VersionId, Liveness>();
  const backends = await standings(ports, places, facts, signal);
  for (;;) {
    const answer = plan({
      facts,
      world: { liveness, backends },
      compromised: new Set(input.compromised),
      rehearse: input.rehearse,
    });
    if (answer.kind === 'do') return answer;
    for (const id of answer.versions) {
      const version = facts.versions.find((one) => one.id === id);
      const found = version === undefined ? 'absent' : await livenessOf(ports, provider, places, version, signal);
      liveness.set(id, found);
      // Nobody can go back to it: told to the ledger, the request lapses instead of standing in the way.
      const named = facts.requests.some((request) => request.kind === 'rollBack' && request.version === id);
      if (named && (found === 'refused' || found === 'absent')) {
        await ports.ledger.refused({ version: id, why: 'a roll-back names it, and it does not live at the provider' });
      }
    }
  }
}

/** The new version's id, after preflight said where it will be made; undefined when doomed ones must make room first. */
export async function planNewVersion(
  ports: ActivityPorts,
  facts: CredentialFacts,
  provider: BoundProvider,
  doomedExist: boolean,
  signal: AbortSignal,
): Promise<Answer<VersionId | undefined>> {
  // A held run tries again after an hour: by then a person has looked, or the provider is well again.
  const since = Math.max(facts.openRun?.startedAt ?? 0, facts.now - recheck);
  const spent = facts.versions.filter((version) => version.spent && version.createdAt >= since).length;
  if (spent >= spentLimit) {
    await ports.ledger.alarm({
      credential: facts.id,
      key: 'spent',
      text: `${spent} create calls of one run have gone unanswered: look at the provider; three more are tried in an hour`,
      page: true,
    });
    return wait(`${spent} create calls have gone unanswered`, recheck, 'held');
  }
  const version = versionIdFrom(ports.random(64));
  const request = await preflightRequest(ports, facts, provider.target, version);
  const baseline = await provider
    .preflight(request, providerCall(ports, provider.traits.callTimeout, signal))
    .catch((thrown: unknown) => {
      if (codeOf(thrown) === 'CAPACITY_EXHAUSTED' && doomedExist) return undefined;
      throw thrown;
    });
  if (baseline === undefined) return done(undefined);
  await ports.ledger.planVersion({
    credential: facts.id,
    version,
    target: provider.target,
    as: 'pending',
    baseline,
    ...(provider.traits.expiry ? { expiresAt: facts.now + leastExpiry(facts.entry) } : {}),
  });
  return done(version);
}

/** What must stay as it is at the target, and which slots may be issued over. Reads the ledger alone. */
export async function preflightRequest(
  ports: ActivityPorts,
  facts: Pick<CredentialFacts, 'id' | 'now' | 'versions'>,
  target: string,
  version: VersionId,
): Promise<PreflightRequest> {
  const refs = await ports.ledger.refsOfTarget(target);
  const tenants = refs.filter((one) => !one.dead && !one.gone);
  const inDoubt = facts.versions.flatMap((one) =>
    one.intents
      .filter((intent) => intent.ref !== undefined && intent.outcome === undefined && intent.until > facts.now)
      .flatMap((intent) => intent.ref ?? []),
  );
  return {
    credential: facts.id,
    version,
    keep: [...tenants.map((one) => one.ref), ...inDoubt],
    free: refs.filter((one) => one.dead || one.gone).map((one) => one.ref),
  };
}

/** A debt is never dropped: its workflow may have been terminated. Starting one that runs changes nothing. */
async function resumeDebts(ports: ActivityPorts, facts: CredentialFacts): Promise<void> {
  for (const version of facts.versions) {
    if (version.debtMoved && version.fate !== 'dead' && version.fate !== 'released')
      await ports.workflows.settleDebt(facts.id, version.id);
  }
}

/** What this run came to, read from the ledger: a run that crashed and came back tells the same. */
function outcomeOf(facts: CredentialFacts, input: PlanRotationInput): Outcome {
  const since = facts.openRun?.startedAt ?? facts.now;
  const decided = facts.epochs.filter((epoch) => epoch.decidedAt >= since);
  if (
    facts.versions.some(
      (version: VersionFacts) => version.debtMoved && version.fate !== 'dead' && version.fate !== 'released',
    )
  )
    return 'indebted';
  const newest = facts.epochs[0];
  if (newest === undefined || decided.length === 0)
    return facts.entry.mode === 'observe' && !input.rehearse ? 'observed' : 'nothing';
  const olderVersion = facts.epochs.slice(1).some((epoch) => epoch.version === newest.version);
  return olderVersion ? 'rolled-back' : 'rotated';
}
