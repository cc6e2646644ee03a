import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { providerCall } from './calls.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';
import { notGoneOf } from './world.ts';

/**
 * Has the provider ended this version by itself? Its end has passed, and the list shows nothing of it: nobody can use it, and
 * no reading of its use will ever come. Where nothing is listed nobody can tell.
 */
export async function endedByProvider(
  ports: ActivityPorts,
  provider: BoundProvider,
  { now }: Pick<CredentialFacts, 'now'>,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<boolean> {
  if (version.expiresAt === undefined || version.expiresAt > now || version.refs.length === 0) return false;
  if (provider.traits.lists === false) return false;
  const listed = await provider.list(providerCall(ports, provider.traits.callTimeout, signal));
  return notGoneOf(version, listed, provider.installation).length === 0;
}

/** Does the provider tell when this version was last used? */
export const hasSignal = async (
  ports: ActivityPorts,
  provider: BoundProvider,
  facts: Pick<CredentialFacts, 'now'>,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<boolean> =>
  provider.traits.usage !== undefined &&
  !version.onlyByHand &&
  !(await endedByProvider(ports, provider, facts, version, signal));
