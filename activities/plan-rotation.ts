import { codeOf, isKeybatonError } from '../domain/errors.ts';
import { killOrder } from '../domain/kill-order.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { Liveness } from '../domain/lifecycle.ts';
import { plan, type DoThis } from '../domain/plan.ts';
import {
  done,
  fail,
  startOver,
  wait,
  type Answer,
  type Doomed,
  type Planned,
  type RunPlan,
} from '../domain/rotation.ts';
import { goesFirst } from './admin-last.ts';
import { backendTimeout } from './calls.ts';
import { giveWay } from './give-way.ts';
import { keepStandby, type Refill } from './keep-standby.ts';
import { planNewVersion } from './plan-new-version.ts';
import { waitWhileStopped } from './keep-from-expiring.ts';
import { placesOf, type ActivityPorts, type BoundProvider, type EntryPlace } from './ports.ts';
import { outcomeOf } from './run-outcome.ts';
import { leakOwed, livenessOf, standings } from './world.ts';
import { wouldHold } from './would-hold.ts';

export interface PlanRotationInput {
  readonly credential: CredentialId;
  readonly run: string;
  readonly reason: string;
  readonly actor: string;
  readonly rehearse: boolean;
  readonly compromised: readonly VersionId[];
  /** What was tried for the spare version; undefined: an older build's run, which knows of none. */
  readonly refill?: Refill;
}

/** How often a run of an admin credential looks whether its targets have become quiet. */
const lastOfAll = 30_000;

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
  const first = await goesFirst(ports, input, signal);
  if (first !== undefined) return wait(first, lastOfAll);
  const opened = await openRun(ports, input);
  if (opened !== 'open') return opened;
  const facts = await ledger.facts(input.credential);
  const held = await waitWhileStopped(ports, facts, input, signal);
  if (held !== undefined) return held;
  // A kill waits for nobody: what an earlier run may still be doing makes nothing that leaked more alive.
  const ambiguous = leakOwed(facts, input.compromised) ? 0 : openIntentUntil(facts, input.run);
  if (ambiguous > facts.now) return wait('an earlier effect may still appear', ambiguous - facts.now);

  const bound = await ports.provider(facts.entry.target).catch(() => undefined);
  const way = bound && (await giveWay(ports, bound, facts, 'contained'));
  if (way !== undefined) return way;

  if (!leakOwed(facts, input.compromised)) return plannedFor(ports, input, facts, signal);
  const since = ports.now();
  try {
    return await plannedFor(ports, input, facts, signal);
  } catch (thrown) {
    return killAlone(ports, input, facts, facts.now + ports.now() - since, thrown);
  }
}

async function plannedFor(
  ports: ActivityPorts,
  input: PlanRotationInput,
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<Answer<Planned>> {
  const since = ports.now();
  const provider = await ports.provider(facts.entry.target);
  const places = await placesOf(ports, facts.entry);
  const decision = await decide(ports, input, facts, provider, places, signal);
  await resumeDebts(ports, facts);
  const doomed = [
    ...decision.doomed.map((id) => doomedAs(facts, input, id)),
    // Dead already, and nothing of GATE is left to ask: what the plan is changed for in between must not keep its copies.
    ...facts.versions
      .filter((one) => leftUnerased(facts, one))
      .map(({ id }) => ({ version: id, compromised: false, neverCurrent: true })),
  ];
  const leaked = doomed.filter((one) => one.compromised);
  const base = (): Omit<RunPlan, 'wanted' | 'issue' | 'promote'> => ({
    why: decision.why,
    expectedEpoch: facts.epochs[0]?.epoch ?? 0,
    ...killing(facts, leaked, facts.now + ports.now() - since),
    doomed,
    mode: facts.entry.mode,
  });

  if (decision.wanted === 'issue') {
    // What is current makes no room: it dies only after its successor is there, unless it leaked.
    const before = doomed.filter((one) => one.compromised || one.version !== facts.epochs[0]?.version);
    const planned = await planNewVersion(ports, facts, provider, before.length > 0, signal);
    if (planned.kind === 'done' && planned.result !== undefined)
      return work({ ...base(), wanted: planned.result, issue: true, promote: true });
    // What leaked does not live on because nothing new can be made: it dies, and what stands in the way is met again.
    if (planned.kind !== 'done' && leaked.length === 0) return planned;
    const plan = base();
    const first = planned.kind === 'done' ? before : leaked;
    // In a full target what may live longest makes room last.
    const waits = (one: Doomed): boolean =>
      plan.bounds !== undefined && !plan.killFirst.includes(one.version) && one.compromised;
    const inOrder = [...first.filter((one) => !waits(one)), ...first.filter(waits)];
    return work({ ...plan, doomed: inOrder, wanted: undefined, ...nothingNew });
  }
  const { wanted } = decision;
  const issue = wanted !== undefined && facts.versions.find((one) => one.id === wanted)?.issued !== true;
  if (wanted !== undefined && (issue || decision.promote)) return work({ ...base(), wanted, issue, promote: true });
  if (doomed.length > 0) return work({ ...base(), wanted, ...nothingNew });

  if (!input.rehearse && input.refill !== undefined) {
    const spare = await keepStandby(ports, facts, provider, places, input.refill, signal);
    if (spare.kind === 'doomed') return startOver(`the standby is replaced: ${spare.why}`);
    if (spare.kind === 'refill') return work({ ...base(), wanted, ...nothingNew, refill: spare.version });
  }
  return ended(ports, input, facts, provider, signal);
}

async function ended(
  ports: ActivityPorts,
  input: PlanRotationInput,
  facts: CredentialFacts,
  provider: BoundProvider,
  signal: AbortSignal,
): Promise<Answer<Planned>> {
  const outcome = outcomeOf(facts, input.rehearse);
  const why = outcome === 'observed' ? await wouldHold(ports, provider, facts, signal) : undefined;
  await ports.ledger.cure({ credential: facts.id, keyPrefix: 'replacement/' });
  const { again } = await ports.ledger.endRun({
    credential: input.credential,
    run: input.run,
    outcome,
    ...(why === undefined ? {} : { why }),
  });
  return again ? startOver('asked for meanwhile') : done({ kind: 'ended', outcome, why });
}

/** Nothing can be planned for its successor now: what leaked is killed all the same, each in its time, and people are told. */
async function killAlone(
  ports: ActivityPorts,
  input: PlanRotationInput,
  facts: CredentialFacts,
  now: number,
  thrown: unknown,
): Promise<Answer<Planned>> {
  const leaked = facts.versions
    .filter((one) => one.fate !== 'dead' && one.fate !== 'released')
    .map(({ id }) => doomedAs(facts, input, id))
    .filter((one) => one.compromised);
  if (leaked.length === 0) throw thrown;
  const why = isKeybatonError(thrown) ? `${thrown.code}: ${thrown.message}` : codeOf(thrown);
  const text = `a leaked version has no replacement yet: ${why}; it is killed all the same`;
  await ports.ledger.alarm({ credential: facts.id, key: 'replacement/missing', text, page: true });
  const order = killing(facts, leaked, now);
  // With a standby that may yet be promoted its half minute is waited for.
  const spared = order.bounds?.map(({ version }) => version) ?? [];
  return work({
    why: 'survivor',
    expectedEpoch: facts.epochs[0]?.epoch ?? 0,
    ...order,
    killFirst: order.killFirst.filter((id) => !spared.includes(id)),
    doomed: leaked,
    mode: facts.entry.mode,
    wanted: undefined,
    ...nothingNew,
  });
}

function doomedAs(facts: CredentialFacts, input: PlanRotationInput, id: VersionId): Doomed {
  const version = facts.versions.find((one) => one.id === id);
  return {
    version: id,
    compromised: input.compromised.includes(id) || (version?.compromised ?? false),
    neverCurrent: !(version?.everCurrent ?? false),
  };
}

function killing(
  facts: CredentialFacts,
  leaked: readonly Doomed[],
  now: number,
): Pick<RunPlan, 'killFirst' | 'bounds'> {
  const { killFirst, bounds } = killOrder(
    facts,
    leaked.map(({ version }) => version),
    now,
  );
  return bounds.length === 0 ? { killFirst } : { killFirst, bounds };
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

/** Dead, and a copy of its material is left that this run has not failed to erase: what nobody can reach is tried once a run. */
function leftUnerased(facts: CredentialFacts, version: VersionFacts): boolean {
  const since = facts.openRun?.startedAt ?? facts.now;
  const failed = (backend: string): boolean =>
    version.intents.some(
      (intent) =>
        intent.effect === 'destroy' &&
        intent.place === backend &&
        intent.outcome === 'failed' &&
        intent.until - backendTimeout >= since,
    );
  return (
    version.fate === 'dead' &&
    version.id !== facts.epochs[0]?.version &&
    version.copies.some((copy) => !copy.gone && !failed(copy.backend))
  );
}

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

/** A debt is never dropped: its workflow may have been terminated. Starting one that runs changes nothing. */
async function resumeDebts(ports: ActivityPorts, facts: CredentialFacts): Promise<void> {
  for (const version of facts.versions) {
    if (version.debtMoved && version.fate !== 'dead' && version.fate !== 'released')
      await ports.workflows.settleDebt(facts.id, version.id);
  }
}
