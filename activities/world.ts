import type { BackendStanding, CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { codeOf, KeybatonError } from '../domain/errors.ts';
import type { VersionId } from '../domain/identifiers.ts';
import type { Liveness } from '../domain/lifecycle.ts';
import type { Description, Envelope } from '../backends/backend.ts';
import type { LiveCredential } from '../providers/provider.ts';
import { backendCall, providerCall } from './calls.ts';
import type { ActivityPorts, BoundProvider, EntryPlace } from './ports.ts';
import { listedAs, stillListed } from './refs-to-kill.ts';

/** What the world answers about one credential: asked, never guessed. */

/** How a backend stands against the newest epoch. A backend that does not answer is `unknown`, never `behind`. */
export async function standingOf(
  ports: ActivityPorts,
  at: EntryPlace,
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<BackendStanding> {
  const newest = facts.epochs[0];
  try {
    const { main } = await at.backend.describe(at.place, backendCall(ports, signal));
    if (main.kind === 'foreign') return 'foreign';
    if (main.kind === 'unknown' && main.wrote !== undefined)
      return main.wrote.version === newest?.version && main.wrote.epoch === newest.epoch ? 'in-sync' : 'behind';
    if (main.kind === 'unknown') return writtenLast(facts, at, newest) ? 'in-sync' : 'unknown';
    if (newest === undefined) return main.kind === 'empty' ? 'in-sync' : 'behind';
    return main.kind === 'ours' && main.version === newest.version && main.epoch === newest.epoch
      ? 'in-sync'
      : 'behind';
  } catch (thrown) {
    if (codeOf(thrown) === 'INVALID_CONFIG') throw thrown;
    return 'unknown';
  }
}

/** A write-only store is believed in what it acknowledged last; evidence must confirm it. */
function writtenLast(
  facts: CredentialFacts,
  { name, place }: EntryPlace,
  newest: CredentialFacts['epochs'][number] | undefined,
): boolean {
  if (newest === undefined) return true;
  const version = facts.versions.find((one) => one.id === newest.version);
  return (
    version?.copies.some(
      (copy) => copy.backend === name && copy.path === place.path && copy.as === 'main' && copy.epoch === newest.epoch,
    ) ?? false
  );
}

export async function standings(
  ports: ActivityPorts,
  places: readonly EntryPlace[],
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<Map<string, BackendStanding>> {
  const found = await Promise.all(
    places.map(async (at) => [at.name, await standingOf(ports, at, facts, signal)] as const),
  );
  return new Map(found);
}

/**
 * The staged envelope of a version from the first backend that has it. `absent` only when every readable backend
 * answered that it has none; otherwise the trouble of the one that did not answer is thrown.
 */
export async function stagedEnvelope(
  ports: ActivityPorts,
  places: readonly EntryPlace[],
  version: VersionId,
  signal: AbortSignal,
): Promise<Envelope | 'absent'> {
  let trouble: Error | undefined;
  for (const at of places) {
    if (!at.backend.readable) continue;
    try {
      return await at.backend.read(at.place, version, backendCall(ports, signal));
    } catch (thrown) {
      if (codeOf(thrown) !== 'NOT_FOUND')
        trouble =
          thrown instanceof Error
            ? thrown
            : new KeybatonError('UNAVAILABLE', `backend ${at.name} threw something that is no error`);
    }
  }
  if (trouble !== undefined) throw trouble;
  return 'absent';
}

/** As `stagedEnvelope`, but proved to be this version's value: anything else in its place proves nothing. */
export async function ownEnvelope(
  ports: ActivityPorts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  version: VersionFacts,
  signal: AbortSignal,
): Promise<Envelope | 'absent'> {
  const envelope = await stagedEnvelope(ports, places, version.id, signal);
  if (envelope === 'absent' || version.fingerprint === undefined) return envelope;
  if (ports.keys.fingerprint(provider.name, envelope.material) === version.fingerprint) return envelope;
  throw new KeybatonError(
    'VERIFICATION_FAILED',
    `a backend answers another value for version ${version.id}: nothing can be proved with it; restore its staged copy`,
  );
}

/** Everything live at the provider that belongs to this version: by tag, or by a ref the ledger has. */
export function liveOf(
  version: VersionFacts,
  listed: readonly LiveCredential[],
  installation: string,
): readonly LiveCredential[] {
  return listedAs({ id: version.id, refs: version.refs.map(({ ref }) => ref) }, listed, installation);
}

/** What of it, or without any mark of ours in its place, stands against its death. To rely on it `liveOf` is asked. */
export function notGoneOf(
  version: VersionFacts,
  listed: readonly LiveCredential[],
  installation: string,
): readonly LiveCredential[] {
  return stillListed({ id: version.id, refs: version.refs.map(({ ref }) => ref) }, listed, installation);
}

/**
 * Does a version live? With its value by `verify`; without any readable copy by `list`. Throws when neither answers.
 * Never called for a watched version: our own use would be taken for its consumers'.
 */
export async function livenessOf(
  ports: ActivityPorts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  version: VersionFacts,
  signal: AbortSignal,
): Promise<Liveness> {
  const envelope = await ownEnvelope(ports, provider, places, version, signal).catch(() => 'absent' as const);
  if (envelope !== 'absent') {
    const verdict = await provider.verify(envelope.material, providerCall(ports, provider.traits.callTimeout, signal));
    return verdict === 'refused' ? 'refused' : 'live';
  }
  if (provider.traits.lists === false)
    throw new KeybatonError(
      'UNAVAILABLE',
      `no copy of version ${version.id} can be read, and its provider lists no keys: cannot tell whether it lives`,
    );
  const listed = await provider.list(providerCall(ports, provider.traits.callTimeout, signal));
  const mine = liveOf(version, listed, provider.installation);
  return mine.some((one) => !one.disabled) ? 'live' : 'absent';
}

export async function describeAt(ports: ActivityPorts, at: EntryPlace, signal: AbortSignal): Promise<Description> {
  return at.backend.describe(at.place, backendCall(ports, signal));
}

/** The version's row, or NOT_FOUND: a workflow may outlive a restored ledger. */
export function versionOf(facts: CredentialFacts, id: VersionId): VersionFacts {
  const version = facts.versions.find((one) => one.id === id);
  if (version === undefined)
    throw new KeybatonError('NOT_FOUND', `the ledger does not know version ${id} of ${facts.id}`);
  return version;
}

/** Did something leak that is not dead? One that a person gave up alive is nobody's work any more: it stands above no pause. */
export const leakOwed = (facts: CredentialFacts, compromised: readonly VersionId[]): boolean =>
  compromised.length > 0 ||
  facts.versions.some((one) => one.compromised && one.fate !== 'dead' && one.fate !== 'released');

/** What people asked that stops effects of a scheduled rotation: nothing stops an emergency. */
export function stopped(facts: CredentialFacts, compromised: readonly VersionId[]): string | undefined {
  if (leakOwed(facts, compromised)) return undefined;
  const request = facts.requests.find((one) => one.kind === 'freeze' || one.kind === 'pause');
  if (request === undefined) return undefined;
  return request.kind === 'freeze'
    ? `frozen by ${request.who}: ${request.why}`
    : `paused by ${request.who}: ${request.why}`;
}
