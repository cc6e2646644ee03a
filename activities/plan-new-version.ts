import { codeOf } from '../domain/errors.ts';
import { leastExpiry } from '../domain/expiry.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { versionIdFrom, type VersionId } from '../domain/identifiers.ts';
import { done, wait, type Answer } from '../domain/rotation.ts';
import type { PreflightRequest } from '../providers/provider.ts';
import { providerCall } from './calls.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';

const recheck = 3_600_000;
/** The third spent version in one run holds: something at the provider eats creates. */
const spentLimit = 3;

/**
 * The new version's id, after preflight said where it will be made; undefined when doomed ones must make room first. A
 * standby is planned beside a pending version, a drill's beside any.
 */
export async function planNewVersion(
  ports: ActivityPorts,
  facts: CredentialFacts,
  provider: BoundProvider,
  doomedExist: boolean,
  signal: AbortSignal,
  as: 'pending' | 'standby' | 'drill' = 'pending',
): Promise<Answer<VersionId | undefined>> {
  // A held run tries again after an hour: by then a person has looked, or the provider is well again.
  const since = Math.max(facts.openRun?.startedAt ?? 0, facts.now - recheck);
  const lost = (one: VersionFacts): boolean => one.spent || (one.refused && !one.everCurrent);
  const spent = facts.versions.filter((one) => lost(one) && one.createdAt >= since).length;
  if (spent >= spentLimit) {
    await ports.ledger.alarm({
      credential: facts.id,
      key: 'spent',
      text: `${spent} create calls of one run have gone unanswered, or what they made was refused: look at the provider; three more are tried in an hour`,
      page: true,
    });
    return wait(`${spent} create calls have gone unanswered, or what they made was refused`, recheck, 'held');
  }
  const version = versionIdFrom(ports.random(64));
  const request = await preflightRequest(ports, provider, facts, version);
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
    as,
    baseline,
    ...(provider.traits.expiry ? { expiresAt: facts.now + leastExpiry(facts.entry) } : {}),
  });
  return done(version);
}

/**
 * What must stay as it is at the target, and which slots may be issued over. Reads the ledger alone. Where versions share no
 * slots only those of this credential are named: a target may hold a hundred thousand others.
 */
export async function preflightRequest(
  ports: ActivityPorts,
  { target, traits: { topology } }: Pick<BoundProvider, 'target' | 'traits'>,
  facts: Pick<CredentialFacts, 'id' | 'now' | 'versions'>,
  version: VersionId,
): Promise<PreflightRequest> {
  const slots = topology === 'dual-slot' || topology === 'single-slot';
  const refs = slots ? await ports.ledger.refsOfTarget(target) : refsAt(target, facts.versions);
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

const refsAt = (target: string, versions: readonly VersionFacts[]) =>
  versions
    .filter((one) => one.target === target)
    .flatMap(({ fate, refs }) => refs.map(({ ref, gone }) => ({ ref, gone, dead: fate === 'dead' })));
