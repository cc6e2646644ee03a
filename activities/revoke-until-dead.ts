import type { CredentialFacts, Ref, VersionFacts } from '../domain/facts.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import { done, wait, type Answer, type EffectInput } from '../domain/rotation.ts';
import { giveWay } from './give-way.ts';
import { unlessRefused, waitFor } from './ask-gate.ts';
import { providerCall, urgently } from './calls.ts';
import { copiesOf } from './copies.ts';
import { killSeen } from './kill-seen.ts';
import { namelessCreate } from './nameless-create.ts';
import { noControl } from './refusal-check.ts';
import { withoutControl } from './without-control.ts';
import { askLines } from './gate.ts';
import { hasSignal } from './ended-by-provider.ts';
import { stillAlive, waitWhileStopped } from './keep-from-expiring.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';
import { proveDead } from './prove-dead.ts';
import { refsToKill } from './refs-to-kill.ts';
import { liveOf, notGoneOf, versionOf } from './world.ts';

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
  const leaked = version.compromised || input.compromised.includes(version.id);
  const strict = leaked || !version.everCurrent;

  const left = provenElsewhere(provider, version) - facts.now;
  if (leaked && left > 0) return wait('an incident has revoked it, and proves it dead', Math.min(left, 5_000));
  const way = leaked ? await giveWay(ports, provider, facts, 'dead') : undefined;
  if (way !== undefined) return way;

  if (!(await killSeen(ports, provider, version, signal))) {
    const refused = await authorise(ports, provider, facts, version, strict, input, signal);
    if (refused !== undefined) return refused;
  }
  if (neverCreated(version)) return died(ports, facts.id, version, 'absent');
  if (version.onlyByHand) return byHand(ports, facts, version);

  const nameless = await namelessCreate(ports, provider, facts, version, signal);
  if (nameless !== undefined && 'kind' in nameless) return nameless;

  const owed = await refsOwed(ports, provider, version, signal);
  const refs = nameless === undefined ? owed : [...owed, nameless];
  const byPeople = provider.traits.lists === false;
  for (const ref of refs) {
    if (byPeople) {
      await askPerson(ports, provider, facts, version, ref);
      continue;
    }
    await ports.ledger.intend({
      version: version.id,
      effect: 'revoke',
      place: ref.id,
      ref,
      within: provider.traits.callTimeout,
    });
    const call = providerCall(ports, provider.traits.callTimeout, signal);
    await provider.revoke(ref, leaked ? urgently(call) : call);
    await ports.ledger.outcome({ version: version.id, effect: 'revoke', place: ref.id, outcome: 'done' });
    if (!version.killBegun) await ports.ledger.killBegan({ version: version.id });
  }
  const late = lateCreateUntil(provider, version) - facts.now;
  if (late > 0) return wait('a create of this version may still appear', late);
  // Supplied by a person and never adopted: whoever the value belongs to, it is not ours to kill, nor to be asked about.
  if (provider.issue === undefined && !version.issued && refs.length === 0)
    return died(ports, facts.id, version, 'absent');
  const live = notGoneOf(
    nameless === undefined ? version : { ...version, refs: [...version.refs, { ref: nameless, gone: false }] },
    await provider.list(providerCall(ports, provider.traits.callTimeout, signal)),
    provider.installation,
  ).filter(({ disabled }) => !disabled);
  if (live.length > 0) return wait(`${live.length} of its credentials still listed as live`, 1_000);

  const copies = await copiesOf(ports, facts, version);
  const proof = await proveDead(ports, provider, [...copies.kept, ...copies.left], facts, version, signal);
  if (proof.kind === 'dead') return died(ports, facts.id, version, proof.grade);
  if (byPeople && proof.againIn < askAgain)
    return wait(`a person must delete it at the provider: ${proof.why}`, Math.max(proof.againIn, 10_000), 'held');
  const anew = proof.why === noControl ? await withoutControl(ports, provider, facts, version, signal) : undefined;
  return anew ?? wait(proof.why, proof.againIn);
}

/**
 * Until when the incident that has contained it is let prove its death alone: the same calls a second time, over a
 * thousand keys, take what their provider bears away from containing the rest.
 */
const provenElsewhere = ({ traits }: BoundProvider, { containedAt }: VersionFacts): number =>
  containedAt === undefined ? 0 : containedAt + 2 * traits.revokeSpread + 15_000;

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
    const held = await waitWhileStopped(ports, facts, stillAlive(facts, input), signal, 'held');
    const answer = await askLines(ports, provider, facts, version, signal);
    if (held !== undefined || answer.kind !== 'open') {
      if (version.authorisedEpoch !== undefined)
        await ports.ledger.withdrawAuthorisation({ version: version.id, why: 'GATE misses a line again' });
      if (held !== undefined) return held;
      if (answer.kind !== 'open') return waitFor(ports, facts, answer, input.watched);
    }
  }
  const signalled = await hasSignal(ports, provider, facts, version, signal);
  return unlessRefused(ports.ledger.authorise({ credential: facts.id, version: version.id, epoch, signal: signalled }));
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
async function refsOwed(
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
  for (const { ref } of listed) {
    if (!known.some((one) => one.id === ref.id)) await ports.ledger.refSeen({ version: version.id, ref });
  }
  return refsToKill([...known, ...intended], listed);
}

/** After an ambiguous create the list is only believed later than `until` and the provider's settle time. */
function lateCreateUntil(provider: BoundProvider, version: VersionFacts): number {
  if (version.issued && !version.spent) return 0;
  const issues = version.intents.filter((intent) => intent.effect === 'issue' && intent.outcome !== 'failed');
  return Math.max(0, ...issues.map((intent) => intent.until + provider.traits.createSpread));
}

async function died(
  ports: ActivityPorts,
  credential: CredentialId,
  version: VersionFacts,
  grade: 'refused' | 'absent',
): Promise<Answer<null>> {
  await ports.ledger.dead({ version: version.id, grade });
  await ports.ledger.cure({ credential, keyPrefix: `control/${version.id}` });
  await ports.ledger.cure({ credential, keyPrefix: `by-hand/${version.id}` });
  return done(null);
}

/** Milliseconds: what only a person can tell is asked about this often. */
const askAgain = 3_600_000;

/** No call kills it: people are told how, and the refusal check sees when they did. */
async function askPerson(
  ports: ActivityPorts,
  provider: BoundProvider,
  facts: CredentialFacts,
  version: VersionFacts,
  ref: Ref,
): Promise<void> {
  const text = `version ${version.id} may die and only a person can kill it: ${provider.killByHand(ref)}`;
  await ports.ledger.alarm({ credential: facts.id, key: `by-hand/${version.id}`, text, page: true });
}

async function byHand(ports: ActivityPorts, facts: CredentialFacts, version: VersionFacts): Promise<Answer<never>> {
  const text = `version ${version.id} has no ref: a person must revoke it at the provider, then run \`keybaton release --alive\``;
  await ports.ledger.alarm({ credential: facts.id, key: `by-hand/${version.id}`, text, page: true });
  return wait(text, 3_600_000, 'held');
}
