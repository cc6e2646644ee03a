import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { leastExpiry, toldBefore } from '../domain/expiry.ts';
import { codeOf } from '../domain/errors.ts';
import { wait, type Answer, type EffectInput, type Step } from '../domain/rotation.ts';
import { providerCall } from './calls.ts';
import { placesOf, type ActivityPorts } from './ports.ts';
import { livenessOf, stopped } from './world.ts';

const hour = 3_600_000;
const day = 86_400_000;
/** People are told this many days before the provider would end a version that is still waited for. */
const warnings = [toldBefore / day, 7, 1] as const;

/** How long what is waited for is kept. */
export interface Kept {
  /** Milliseconds after which to look again at the latest: a quarter of what is left. */
  readonly againIn: number;
  /** The provider has ended what is current, or somebody there has. */
  readonly currentEnded: boolean;
}

/**
 * A hold must not end in an outage, nor a pause or a freeze: a version that consumers may still use, and that the provider
 * would end by itself soon, gets a later end where the provider can move it; else people are paged 14, 7 and 1 days before.
 * One that has ended all the same is told to people too; a repeat tells nobody twice.
 */
export async function keepFromExpiring(
  ports: ActivityPorts,
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<Kept> {
  let againIn = Infinity;
  let currentEnded = false;
  for (const version of facts.versions.filter((one) => mayBeInUse(one) && endsSoon(one, facts.now))) {
    const { expiresAt, ended } = await extended(ports, facts, version, signal);
    if (ended) {
      await tellEnded(ports, facts, version);
      currentEnded ||= version.fate === 'current';
    } else if (expiresAt === undefined) await warn(ports, facts, version);
    else againIn = Math.min(againIn, Math.max(1_000, (expiresAt - facts.now) / 4));
  }
  return { againIn, currentEnded };
}

/** What a person has stopped waits for them, and lives on meanwhile: to move an end changes nothing for anybody. */
export async function waitWhileStopped(
  ports: ActivityPorts,
  facts: CredentialFacts,
  { compromised }: Pick<EffectInput, 'compromised'>,
  signal: AbortSignal,
  step?: Step,
): Promise<Answer<never> | undefined> {
  const why = stopped(facts, compromised);
  if (why === undefined) return undefined;
  const { againIn } = await keepFromExpiring(ports, facts, signal);
  return wait(why, Math.min(hour, againIn), step);
}

/** What leaked and is dead by now gives no leave to kill what did not leak: there a freeze and a pause hold again. */
export const stillAlive = ({ versions }: CredentialFacts, { compromised }: Pick<EffectInput, 'compromised'>) => ({
  compromised: compromised.filter(
    (id) => !versions.some((one) => one.id === id && (one.fate === 'dead' || one.fate === 'released')),
  ),
});

const mayBeInUse = (version: VersionFacts): boolean =>
  version.everCurrent && !version.killBegun && (version.fate === 'current' || version.fate === 'doomed');

const endsSoon = (version: VersionFacts, now: number): boolean =>
  version.expiresAt !== undefined && version.expiresAt - now <= toldBefore;

async function extended(
  ports: ActivityPorts,
  facts: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<{ readonly expiresAt?: number; readonly ended: boolean }> {
  const ref = version.refs.find(({ gone }) => !gone)?.ref;
  const provider = await ports.provider(version.target);
  if (provider.extend === undefined || ref === undefined || version.compromised) return { ended: false };
  const expiresAt = facts.now + leastExpiry(facts.entry);
  try {
    await provider.extend(ref, expiresAt, providerCall(ports, provider.traits.callTimeout, signal));
  } catch (thrown) {
    if (codeOf(thrown) !== 'NOT_FOUND') throw thrown;
    // It was verified before it was decided on: inside its spread window neither answer is a verdict.
    if (facts.now < (facts.epochs[0]?.decidedAt ?? 0) + provider.traits.createSpread) throw thrown;
    // Not known there by its id: only its own value, or the list, can say that it is gone.
    if ((await livenessOf(ports, provider, await placesOf(ports, facts.entry), version, signal)) === 'live')
      throw thrown;
    return { ended: true };
  }
  await ports.ledger.extended({ version: version.id, expiresAt });
  return { expiresAt, ended: false };
}

async function tellEnded(ports: ActivityPorts, facts: CredentialFacts, version: VersionFacts): Promise<void> {
  await ports.ledger.alarm({
    credential: facts.id,
    key: `held/expiry/${version.id}/ended`,
    text: `version ${version.id} is still waited for, and is gone at its provider: whoever uses it is refused`,
    page: true,
  });
}

/** One alarm per threshold: its key names it, so that each pages once. */
async function warn(ports: ActivityPorts, facts: CredentialFacts, version: VersionFacts): Promise<void> {
  const left = ((version.expiresAt ?? 0) - facts.now) / day;
  const threshold = warnings.toReversed().find((days) => left <= days) ?? warnings[0];
  await ports.ledger.alarm({
    credential: facts.id,
    key: `held/expiry/${version.id}/${threshold}`,
    text: `version ${version.id} is still waited for, and the provider ends it in ${Math.max(0, Math.floor(left))} days: end the hold, or roll back`,
    page: true,
  });
}
