import { drillTakes } from '../domain/drill.ts';
import { done, type Answer } from '../domain/rotation.ts';
import type { VersionFacts } from '../domain/facts.ts';
import type { Envelope } from '../backends/backend.ts';
import type { Issued } from '../providers/provider.ts';
import { backendCall } from './calls.ts';
import type { ActivityPorts, BoundProvider, EntryPlace } from './ports.ts';

/** Before the provider hears of a version: until when what it makes may still appear. */
export async function intendIssue(
  ports: ActivityPorts,
  provider: BoundProvider,
  version: VersionFacts,
  ref: Issued['ref'] | undefined,
): Promise<void> {
  const { callTimeout, lateCreate, createSpread } = provider.traits;
  // So long its drill has: after that whoever finds it kills it.
  const within = callTimeout + lateCreate + (version.drill ? createSpread + drillTakes : 0);
  await ports.ledger.intend({
    version: version.id,
    effect: 'issue',
    place: version.baseline?.place ?? '',
    within,
    ...(ref === undefined ? {} : { ref }),
  });
}

/** Create-only in every backend, in order: again with the same value is no change. */
export async function stageEverywhere(
  ports: ActivityPorts,
  places: readonly EntryPlace[],
  envelope: Envelope,
  signal: AbortSignal,
): Promise<void> {
  for (const at of places) await at.backend.stage(at.place, envelope, backendCall(ports, signal));
}

/** Where a staged copy lies: a store that can only be written to keeps none, and nobody has to erase it there. */
export const stagedIn = (
  places: readonly EntryPlace[],
): readonly { readonly backend: string; readonly path: string }[] =>
  places.filter((at) => at.backend.readable).map((at) => ({ backend: at.name, path: at.place.path }));

/** The outcome: ref, copies and proof key in one transaction. */
export async function recordIssued(
  ports: ActivityPorts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  version: VersionFacts,
  issued: Issued,
): Promise<Answer<null>> {
  await ports.ledger.issued({
    version: version.id,
    ref: issued.ref,
    fingerprint: ports.keys.fingerprint(provider.name, issued.material),
    copies: stagedIn(places),
    proofKey: ports.keys.sealedProofKey(version.id, issued.material),
    ...(issued.expiresAt === undefined ? {} : { expiresAt: issued.expiresAt }),
  });
  return done(null);
}
