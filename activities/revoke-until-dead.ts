import { codeOf } from '../domain/errors.ts';
import type { CredentialFacts, Ref, VersionFacts } from '../domain/facts.ts';
import { done, wait, type Answer, type EffectInput } from '../domain/rotation.ts';
import { waitFor } from './ask-gate.ts';
import { providerCall } from './calls.ts';
import { askLines } from './gate.ts';
import { placesOf, type ActivityPorts, type BoundProvider } from './ports.ts';
import { proveDead } from './prove-dead.ts';
import { liveOf, stopped, versionOf } from './world.ts';

/**
 * Kills one doomed version and proves it dead. Scheduled: GATE again, then the authorisation, which re-reads everything
 * in one transaction; until the provider shows that the kill began a miss takes the authorisation back, from there it
 * only goes forward. Compromised versions, and those never decided, ask nobody.
 */
export async function revokeUntilDead(
  ports: ActivityPorts,
  input: EffectInput,
  signal: AbortSignal,
): Promise<Answer<null>> {
  const facts = await ports.ledger.facts(input.credential);
  const version = versionOf(facts, input.version);
  if (version.fate === 'dead' || version.fate === 'released') return done(null);
  const provider = await ports.provider(version.target);
  const strict = version.compromised || input.compromised.includes(version.id) || !version.everCurrent;

  if (!version.killBegun) {
    const refused = await authorise(ports, provider, facts, version, strict, input, signal);
    if (refused !== undefined) return refused;
  }
  if (neverCreated(version)) return died(ports, version, 'absent');
  if (version.onlyByHand) return byHand(ports, facts, version);

  const refs = await refsToKill(ports, provider, version, signal);
  for (const ref of refs) {
    await ports.ledger.intend({
      version: version.id,
      effect: 'revoke',
      place: ref.id,
      ref,
      within: provider.traits.callTimeout,
    });
    await provider.revoke(ref, providerCall(ports, provider.traits.callTimeout, signal));
    await ports.ledger.outcome({ version: version.id, effect: 'revoke', place: ref.id, outcome: 'done' });
    if (!version.killBegun) await ports.ledger.killBegan({ version: version.id });
  }
  const late = lateCreateUntil(provider, version) - facts.now;
  if (late > 0) return wait('a create of this version may still appear', late);
  // Supplied by a person and never adopted: whoever the value belongs to, it is not ours to kill, nor to be asked about.
  if (provider.issue === undefined && !version.issued && refs.length === 0) return died(ports, version, 'absent');
  const left = liveOf(
    version,
    await provider.list(providerCall(ports, provider.traits.callTimeout, signal)),
    provider.installation,
  ).filter((live) => !live.disabled);
  if (left.length > 0) return wait(`${left.length} of its credentials still listed as live`, 1_000);

  const proof = await proveDead(ports, provider, await placesOf(ports, facts.entry), facts, version, signal);
  if (proof.kind === 'dead') return died(ports, version, proof.grade);
  return wait(proof.why, proof.againIn);
}

async function authorise(
  ports: ActivityPorts,
  provider: BoundProvider,
  facts: CredentialFacts,
  version: VersionFacts,
  strict: boolean,
  input: EffectInput,
  signal: AbortSignal,
): Promise<Answer<never> | undefined> {
  const epoch = facts.epochs[0]?.epoch ?? 0;
  if (!strict && !version.debtMoved) {
    const held = stopped(facts, input.compromised);
    const answer = await askLines(ports, provider, facts, version, signal);
    if (held !== undefined || answer.kind !== 'open') {
      if (version.authorisedEpoch !== undefined)
        await ports.ledger.withdrawAuthorisation({ version: version.id, why: 'GATE misses a line again' });
      if (held !== undefined) return wait(held, 3_600_000, 'held');
      if (answer.kind !== 'open') return waitFor(ports, facts, answer, input.watched);
    }
  }
  try {
    await ports.ledger.authorise({
      credential: facts.id,
      version: version.id,
      epoch,
      signal: provider.traits.usage !== undefined && !version.onlyByHand,
    });
    return undefined;
  } catch (thrown) {
    if (codeOf(thrown) === 'CONFLICT') return wait('the ledger does not authorise it yet', 1_000);
    throw thrown;
  }
}

/** No call that could have made it was ever intended. */
function neverCreated(version: VersionFacts): boolean {
  return (
    !version.issued &&
    version.refs.length === 0 &&
    !version.onlyByHand &&
    !version.intents.some((intent) => intent.effect === 'issue' && intent.outcome !== 'failed')
  );
}

/** The ledger's refs and every live key that the provider lists under its tag. */
async function refsToKill(
  ports: ActivityPorts,
  provider: BoundProvider,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<readonly Ref[]> {
  const listed = liveOf(
    version,
    await provider.list(providerCall(ports, provider.traits.callTimeout, signal)),
    provider.installation,
  );
  const revoked = (ref: Ref): boolean =>
    version.intents.some(
      (intent) => intent.effect === 'revoke' && intent.place === ref.id && intent.outcome === 'done',
    );
  const known = version.refs.filter(({ ref, gone }) => !gone && !revoked(ref)).map(({ ref }) => ref);
  // An intent names what it will make where we choose it: a create that came late is killed under that name.
  const intended = version.intents.flatMap((intent) =>
    intent.effect === 'issue' && intent.ref !== undefined && !revoked(intent.ref) ? [intent.ref] : [],
  );
  const refs = new Map<string, Ref>();
  for (const ref of [...known, ...intended, ...listed.map((live) => live.ref)])
    refs.set(JSON.stringify([ref.id, ref.mark, ref.parent]), ref);
  for (const { ref } of listed) {
    if (!known.some((one) => one.id === ref.id)) await ports.ledger.refSeen({ version: version.id, ref });
  }
  return [...refs.values()];
}

/** After an ambiguous create the list is only believed later than `until` and the provider's settle time. */
function lateCreateUntil(provider: BoundProvider, version: VersionFacts): number {
  if (version.issued && !version.spent) return 0;
  const issues = version.intents.filter((intent) => intent.effect === 'issue' && intent.outcome !== 'failed');
  return Math.max(0, ...issues.map((intent) => intent.until + provider.traits.createSpread));
}

async function died(ports: ActivityPorts, version: VersionFacts, grade: 'refused' | 'absent'): Promise<Answer<null>> {
  await ports.ledger.dead({ version: version.id, grade });
  return done(null);
}

async function byHand(ports: ActivityPorts, facts: CredentialFacts, version: VersionFacts): Promise<Answer<never>> {
  const text = `version ${version.id} has no ref: a person must revoke it at the provider, then run \`keybaton release --alive\``;
  await ports.ledger.alarm({ credential: facts.id, key: `by-hand/${version.id}`, text, page: true });
  return wait(text, 3_600_000, 'held');
}
