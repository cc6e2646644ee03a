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
  const within = provider.traits.callTimeout + provider.traits.lateCreate;
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
    copies: places.map((at) => ({ backend: at.name, path: at.place.path })),
    proofKey: ports.keys.sealedProofKey(version.id, issued.material),
    ...(issued.expiresAt === undefined ? {} : { expiresAt: issued.expiresAt }),
  });
  return done(null);
}
