import { seenKept, type Reads, type TrailVersion } from '../evidence/access-trail.ts';
import { codeOf, isKeybatonError } from '../domain/errors.ts';
import type { CredentialFacts, Ref, SilenceFacts } from '../domain/facts.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { ScopeFinding } from '../domain/incident.ts';
import type { Trail, TrailReader } from './trail.ts';
import { usageFinding } from './scope-usage.ts';
import type { BoundProvider } from './ports.ts';

/** Milliseconds for all trails of one call, and how many keys a provider is asked about at a time. */
const trailPatience = 12_000;
const side = 8;

/** What looking up who read and used compromised versions needs; implemented by `worker/`. */
export interface ScopePorts {
  provider(target: string): Promise<BoundProvider>;
  /** What this backend keeps of readings, and how it is read. */
  trail(backend: string): Promise<Trail>;
  /** The last reading of use before it was killed. */
  watched(version: VersionId): Promise<SilenceFacts | undefined>;
  now(): number;
  random(bytes: number): Uint8Array;
}

/** One compromised version, with all that tells its readings from others'. */
export interface ScopedVersion {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly target: string;
  readonly refs: readonly Ref[];
  /** Where copies of it lie, or lay. */
  readonly places: readonly { readonly backend: string; readonly path: string }[];
  readonly epochs: TrailVersion['epochs'];
  /** When it was made: before that nobody can have read it. */
  readonly since: number;
  readonly declaredAt: number;
}

/** As the ledger knows it; of a version it has never heard of, undefined. */
export function scopedVersion(facts: CredentialFacts, id: VersionId, declaredAt: number): ScopedVersion | undefined {
  const version = facts.versions.find((one) => one.id === id);
  if (version === undefined) return undefined;
  const places = [...facts.entry.backends, ...version.copies].map(({ backend, path }) => ({ backend, path }));
  return {
    credential: facts.id,
    version: id,
    target: version.target,
    refs: version.refs.map(({ ref }) => ref),
    places: [...new Map(places.map((place) => [`${place.backend} ${place.path}`, place])).values()],
    epochs: facts.epochs.map(({ version: of, decidedAt }) => ({ version: of, from: decidedAt })).toReversed(),
    since: version.createdAt,
    declaredAt,
  };
}

/**
 * Every reading and use of these versions that anybody keeps a record of: one finding per version and backend, and one per
 * version and provider. What cannot be known is said, with why. Each trail is read once for all versions. Reads only;
 * throws nothing but on cancellation: a trail that fails is a finding.
 */
export async function scopeVersions(
  ports: ScopePorts,
  { versions }: { readonly versions: readonly ScopedVersion[] },
  signal: AbortSignal,
): Promise<readonly ScopeFinding[]> {
  const backends = new Set(versions.flatMap(({ places }) => places.map(({ backend }) => backend)));
  // Bounded as every effect is; a trail too long for it is told as such.
  const soon = AbortSignal.any([signal, AbortSignal.timeout(trailPatience)]);
  const ofBackends: (readonly ScopeFinding[])[] = [];
  // One after the other: two logs of a gigabyte at once would starve what still kills.
  for (const backend of backends) ofBackends.push(await readBackend(ports, backend, versions, soon));
  signal.throwIfAborted();
  const ofProviders = new Map<VersionId, ScopeFinding>();
  const waiting = versions.values();
  const lane = async (): Promise<void> => {
    for (const version of waiting) ofProviders.set(version.version, await usageFinding(ports, version, signal));
  };
  await Promise.all(Array.from({ length: side }, lane));
  return [...ofBackends.flat(), ...versions.flatMap(({ version }) => ofProviders.get(version) ?? [])];
}

async function readBackend(
  ports: ScopePorts,
  backend: string,
  versions: readonly ScopedVersion[],
  signal: AbortSignal,
): Promise<readonly ScopeFinding[]> {
  const here = versions.filter(({ places }) => places.some((place) => place.backend === backend));
  const finding = ({ credential, version }: ScopedVersion, verdict: ScopeFinding['verdict'], text: string) => ({
    credential,
    version,
    source: `backend:${backend}`,
    verdict,
    text,
    seen: [],
  });
  const untellable = (why: string) => here.map((one) => finding(one, 'cannot tell', why));
  let trail: Trail;
  try {
    trail = await ports.trail(backend);
  } catch (thrown) {
    return untellable(`its settings cannot be read now (${codeOf(thrown)})`);
  }
  if (trail.kind === 'none') return untellable(trail.why);
  let answer: Awaited<ReturnType<TrailReader>>;
  try {
    answer = await trail.read(
      here.map(({ credential, version, places, epochs }) => ({
        credential,
        version,
        paths: places.filter((place) => place.backend === backend).map(({ path }) => path),
        epochs,
      })),
      { since: Math.min(...here.map(({ since }) => since)), signal },
    );
  } catch (thrown) {
    // Messages of our own readers name the file and no more; of anything else the code alone is told.
    return untellable(isKeybatonError(thrown) ? thrown.message : `its trail cannot be read (${codeOf(thrown)})`);
  }
  return here.map((one): ScopeFinding => {
    const reads = answer.reads.get(one.version);
    const gaps = [
      ...(answer.begins === undefined || answer.begins > one.since
        ? [beginsLate(answer.begins, trail.wholeSinceMade)]
        : []),
      ...(answer.damaged > 0 ? [`${answer.damaged} lines of it are damaged`] : []),
      ...(reads !== undefined && reads.untold > 0
        ? [`of ${reads.untold} readings of its path it is not known which version they got`]
        : []),
    ].filter((gap) => gap !== undefined);
    const verdict = (reads?.count ?? 0) > 0 ? 'read' : gaps.length > 0 ? 'cannot tell' : 'none seen';
    return {
      ...finding(one, verdict, [readsText(reads, trail.name), ...gaps].join('; ')),
      seen: (reads?.seen ?? []).slice(-seenKept),
    };
  });
}

/** A log that is written from the first reading on begins with it: that nothing stands before shows nothing missing. */
function beginsLate(begins: number | undefined, wholeSinceMade: boolean): string | undefined {
  if (wholeSinceMade) return undefined;
  return begins === undefined
    ? 'it is empty'
    : `it begins at ${new Date(begins).toISOString()}, after the version was made`;
}

function readsText(reads: Reads | undefined, name: string): string {
  const { count = 0, own = 0 } = reads ?? {};
  const others = count === 0 ? 'no reading' : count === 1 ? '1 reading' : `${count} readings`;
  return `${others} in the ${name}${own > 0 ? `, and ${own} by keybaton itself` : ''}`;
}
