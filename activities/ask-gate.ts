import { isKeybatonError } from '../domain/errors.ts';
import type { CredentialFacts, EvidenceFacts, VersionFacts } from '../domain/facts.ts';
import { missingEvidence } from '../domain/gate.ts';
import { done, startOver, wait, type Answer, type EffectInput } from '../domain/rotation.ts';
import { askLines, type GateAnswer } from './gate.ts';
import { providerCall } from './calls.ts';
import { killSeen } from './kill-seen.ts';
import { endedByProvider } from './ended-by-provider.ts';
import { keepFromExpiring, stillAlive, waitWhileStopped } from './keep-from-expiring.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';
import { versionOf } from './world.ts';

/** What the run may do once GATE is open. */
export interface Opened {
  /** False: the entry wants no time between the last proof and the revocation, so that nothing is suspended. */
  readonly soaks: boolean;
}

/** Waits, in steps people can see, until GATE lets the doomed version be suspended or revoked. */
export async function askGate(
  ports: ActivityPorts,
  input: EffectInput,
  signal: AbortSignal,
): Promise<Answer<Opened | null>> {
  const facts = await ports.ledger.facts(input.credential);
  const version = versionOf(facts, input.version);
  if (version.fate === 'dead' || version.killBegun) return done(null);
  const provider = await ports.provider(version.target);
  if (await killSeen(ports, provider, version, signal)) return done(null);
  const held = await waitWhileStopped(ports, facts, stillAlive(facts, input), signal, 'held');
  if (held !== undefined) {
    await watchOn(ports, provider, facts);
    return held;
  }
  const answer = await askLines(ports, provider, facts, version, signal);
  if (answer.kind === 'open') {
    await ports.ledger.cure({ credential: facts.id, keyPrefix: 'held/' });
    return done({ soaks: facts.entry.soak > 0 });
  }
  const { againIn, currentEnded } = await keepFromExpiring(ports, facts, signal);
  if (currentEnded) return startOver('what is current is gone at its provider');
  if (answer.kind !== 'startOver') await watchOn(ports, provider, facts);
  const waits = await waitFor(ports, facts, answer, input.watched);
  return waits.kind === 'wait' ? { ...waits, againIn: Math.min(waits.againIn, againIn) } : waits;
}

/**
 * It lives on. Where the entry wants silence it has been watched since it was replaced; where nothing waits for its silence,
 * an incident may still ask who used it meanwhile.
 */
async function watchOn(
  ports: ActivityPorts,
  { target, traits }: BoundProvider,
  { entry }: CredentialFacts,
): Promise<void> {
  if ('no' in entry.silence && traits.usage !== undefined) await ports.workflows.watchTarget(target);
}

/** The same wait for suspend and revoke, which ask GATE again. */
export async function waitFor(
  ports: ActivityPorts,
  facts: CredentialFacts,
  answer: Exclude<GateAnswer, { kind: 'open' }>,
  watched: number,
): Promise<Answer<never>> {
  if (answer.kind === 'startOver') return startOver(answer.why);
  const key = `held/${facts.epochs[0]?.epoch ?? 0}`;
  if (answer.kind === 'mode') {
    await ports.ledger.alarm({ credential: facts.id, key, text: answer.why, page: false });
    return wait(answer.why, 3_600_000, 'held');
  }
  if (answer.miss.line === 4) {
    // What the provider tells late cannot have been heard yet.
    const patience = (await silencePatience(ports, facts)) + (answer.lag ?? 0);
    if (watched < patience)
      return wait(answer.miss.why, Math.min(answer.againIn, Math.max(100, patience / 4)), 'soaking');
    // Everybody has proved the new version, and somebody goes on using the old one: it may be the thief.
    const text = `rotation held although every consumer has proved the new version: ${answer.miss.why}; find out who still uses it`;
    await ports.ledger.alarm({ credential: facts.id, key, text, page: true });
    return wait(answer.miss.why, answer.againIn, 'held');
  }
  const deadline = nearestDeadline(await ports.ledger.evidence(facts.id), facts.now);
  if (answer.miss.line === 3 && watched < deadline) {
    // Asked often enough that time in which nobody watched is not counted as waiting.
    return wait(answer.miss.why, Math.min(answer.againIn, Math.max(50, Math.ceil(deadline / 4))), 'confirming');
  }
  await ports.ledger.alarm({ credential: facts.id, key, text: `rotation held: ${answer.miss.why}`, page: true });
  return wait(answer.miss.why, answer.againIn, 'held');
}

/** How long silence may be waited for, in watched time, before people are told: the longest deadline, and T three times. */
async function silencePatience(ports: ActivityPorts, facts: CredentialFacts): Promise<number> {
  const { demands } = await ports.ledger.evidence(facts.id);
  const { silence } = facts.entry;
  return Math.max(0, ...demands.map((one) => one.deadline)) + ('for' in silence ? 3 * silence.for : 0);
}

/** The shortest deadline among the consumers that still owe proof. */
function nearestDeadline(evidence: EvidenceFacts, now: number): number {
  const owing = new Set(missingEvidence(evidence, now).map((one) => one.consumer));
  const deadlines = evidence.demands.filter((one) => owing.has(one.consumer)).map((one) => one.deadline);
  return deadlines.length === 0 ? 0 : Math.min(...deadlines);
}

/**
 * Suspends the doomed version where the provider can, under GATE, and lets it soak: a refusal report or a person can
 * still turn it back, since nothing is lost yet. Where it cannot, the soak counts from the last evidence.
 */
export async function suspendUnderGate(
  ports: ActivityPorts,
  input: EffectInput,
  signal: AbortSignal,
): Promise<Answer<null>> {
  const facts = await ports.ledger.facts(input.credential);
  const version = versionOf(facts, input.version);
  if (version.fate === 'dead' || version.killBegun) return done(null);
  const { soak } = facts.entry;
  if (soak === 0) return done(null);
  const provider = await ports.provider(version.target);
  const held = await waitWhileStopped(ports, facts, input, signal, 'held');
  if (held !== undefined) return held;
  const answer = await askLines(ports, provider, facts, version, signal);
  if (answer.kind !== 'open') return waitFor(ports, facts, answer, input.watched);
  // Nothing of it is left to be suspended, nor to be turned back to.
  if (await endedByProvider(ports, provider, facts, version, signal)) return done(null);

  const epoch = facts.epochs[0]?.epoch ?? 0;
  if (provider.suspend !== undefined && !version.suspended) {
    const refused = await unlessRefused(intendSuspend(ports, provider, version, epoch));
    if (refused !== undefined) return refused;
    for (const { ref } of version.refs)
      await provider.suspend(ref, providerCall(ports, provider.traits.callTimeout, signal));
    await ports.ledger.suspended({ version: version.id, epoch });
    return wait('suspended: soaking', soak, 'soaking');
  }
  const since = version.suspendedAt ?? (await lastEvidence(ports, facts, version));
  const remaining = since + soak - facts.now;
  return remaining > 0 ? wait('soaking', remaining, 'soaking') : done(null);
}

/** For all its keys before the first is touched: a miss that the ledger sees leaves none of them suspended. */
async function intendSuspend(
  ports: ActivityPorts,
  provider: BoundProvider,
  version: VersionFacts,
  epoch: number,
): Promise<void> {
  for (const { ref } of version.refs) {
    await ports.ledger.intend({
      version: version.id,
      effect: 'suspend',
      place: ref.id,
      epoch,
      within: provider.traits.callTimeout,
      signal: provider.traits.usage !== undefined && !version.onlyByHand,
    });
  }
}

/** What the ledger re-read stands against it came after GATE was asked: GATE is asked anew, and waits in its own words. */
export async function unlessRefused(written: Promise<void>): Promise<Answer<never> | undefined> {
  try {
    await written;
    return undefined;
  } catch (thrown) {
    if (isKeybatonError(thrown) && thrown.code === 'CONFLICT') return wait(thrown.message, 1_000);
    throw thrown;
  }
}

async function lastEvidence(ports: ActivityPorts, facts: CredentialFacts, version: VersionFacts): Promise<number> {
  const { evidence, decidedAt } = await ports.ledger.evidence(facts.id);
  return Math.max(decidedAt, version.createdAt, ...evidence.filter((one) => !one.withdrawn).map((one) => one.at));
}
