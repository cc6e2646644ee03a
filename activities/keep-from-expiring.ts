import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { leastExpiry } from '../domain/expiry.ts';
import { providerCall } from './calls.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';

const day = 86_400_000;
/** People are told this many days before the provider would end a version that is still waited for. */
const warnings = [14, 7, 1] as const;

/**
 * A hold must not end in an outage: a version that consumers may still use, and that the provider would end by itself
 * soon, gets a later end where the provider can move it; else people are paged 14, 7 and 1 days before.
 */
export async function keepFromExpiring(
  ports: ActivityPorts,
  provider: BoundProvider,
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<void> {
  for (const version of facts.versions.filter((one) => mayBeInUse(one) && endsSoon(one, facts.now))) {
    const renewed = await extended(ports, provider, facts, version, signal);
    if (!renewed) await warn(ports, facts, version);
  }
}

const mayBeInUse = (version: VersionFacts): boolean =>
  version.everCurrent && !version.killBegun && (version.fate === 'current' || version.fate === 'doomed');

const endsSoon = (version: VersionFacts, now: number): boolean =>
  version.expiresAt !== undefined && version.expiresAt - now <= warnings[0] * day;

async function extended(
  ports: ActivityPorts,
  provider: BoundProvider,
  facts: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<boolean> {
  const ref = version.refs.find(({ gone }) => !gone)?.ref;
  if (provider.extend === undefined || ref === undefined || version.compromised) return false;
  const expiresAt = facts.now + leastExpiry(facts.entry);
  await provider.extend(ref, expiresAt, providerCall(ports, provider.traits.callTimeout, signal));
  await ports.ledger.extended({ version: version.id, expiresAt });
  return true;
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
