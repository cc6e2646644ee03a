import { mayBeSuspended, type VersionFacts } from '../domain/facts.ts';
import { providerCall } from './calls.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';
import { notGoneOf } from './world.ts';

/**
 * Has the kill of this version begun? A revoke whose answer was lost may have had its effect: then `list` is asked, and
 * what it does not show as live any more is recorded as begun. From there the kill only goes forward.
 */
export async function killSeen(
  ports: ActivityPorts,
  provider: BoundProvider,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<boolean> {
  if (version.killBegun) return true;
  // A kill that was never authorised, or whose authorisation was taken back, is not ours to have begun.
  const allowed = version.compromised || !version.everCurrent || version.authorisedEpoch !== undefined;
  const unanswered = version.intents.filter(({ effect, outcome }) => effect === 'revoke' && outcome === undefined);
  if (!allowed || unanswered.length === 0) return false;
  const listed = await provider.list(providerCall(ports, provider.traits.callTimeout, signal));
  const live = notGoneOf(version, listed, provider.installation);
  // Suspended it is listed as disabled without any kill.
  const stands = live.filter((one) => mayBeSuspended(version) || !one.disabled);
  const begun = unanswered.some(({ ref }) => ref !== undefined && !stands.some((one) => one.ref.id === ref.id));
  if (begun) await ports.ledger.killBegan({ version: version.id });
  return begun;
}
