import type { EmergencyPolicy, Entry, EntryBackend } from './entry.ts';
import type { CredentialFacts, Ref, VersionFacts } from './facts.ts';
import { isCredentialId, isVersionId } from './identifiers.ts';
import type { CredentialId, VersionId } from './identifiers.ts';
import type { Control, FrozenVersion } from './incident.ts';
import { standbyBound } from './kill-order.ts';

/**
 * What an emergency must know of one credential to kill it: made of the ledger's facts, and word for word what the kill
 * sheet keeps, so that both freeze the same set. Ids are text here: a file may say anything.
 */
export interface FreezableCredential {
  readonly credential: string;
  readonly emergency: Entry['emergency'];
  readonly backends: readonly FreezablePlace[];
  /** Those proved dead may be missing. */
  readonly versions: readonly FreezableVersion[];
}

/** `EntryBackend` as JSON leaves it. */
export type FreezablePlace = Omit<EntryBackend, 'fields'> & Partial<Pick<EntryBackend, 'fields'>>;

export interface FreezableVersion {
  /** Also what its tag or mark at the provider says, with the installation. */
  readonly version: string;
  readonly fate: string;
  readonly target: string;
  readonly fingerprint: string | undefined;
  /** Handles that may live, marks among them. */
  readonly refs: readonly Ref[];
  /** Effects that may still appear: what they would make, and until when. */
  readonly openIntents: readonly {
    readonly effect: string;
    readonly place: string;
    readonly until: number;
    readonly ref: Ref | undefined;
  }[];
  readonly onlyByHand: boolean;
  /** Unsaid by a sheet of an older build: it may have been. */
  readonly everCurrent?: boolean;
  readonly drill?: boolean;
  /** Another incident kills it. */
  readonly compromised?: boolean;
  /** Where else than in the entry's backends copies of it lie. */
  readonly left?: readonly FreezablePlace[];
}

/**
 * Which versions an incident freezes, none of them proved dead.
 * `in use`: what consumers may have, the current one and every former one. `every`: spares, versions in the making, drills
 * and those given up too: whoever holds the provider, a backend or a consumer's host may have them. Ids: exactly these.
 */
export type Freeze = 'in use' | 'every' | readonly VersionId[];

/** The frozen set of one credential, in the order of its versions. */
export function frozenFrom(
  known: CredentialFacts | FreezableCredential,
  which: Freeze,
  declaredAt: number,
): readonly FrozenVersion[] {
  const from = 'entry' in known ? freezable(known) : known;
  const { credential } = from;
  if (!isCredentialId(credential)) return [];
  const taken = (one: FreezableVersion): boolean =>
    isVersionId(one.version) && one.fate !== 'dead' && chosen(one, one.version, which);
  return from.versions.flatMap((one) => {
    const { version } = one;
    if (!isVersionId(version) || !taken(one)) return [];
    return [frozenOne({ ...from, credential }, { ...one, version }, declaredAt, taken)];
  });
}

/** One version, whatever became of it. `taken`: is this one of the same set, and so no control? */
export function frozenOne(
  from: FreezableCredential & { readonly credential: CredentialId },
  one: FreezableVersion & { readonly version: VersionId },
  declaredAt: number,
  taken: (other: FreezableVersion) => boolean,
): FrozenVersion {
  const control = survivorOf(from, (other) => other.version === one.version || taken(other), one.target);
  return {
    ...(control === undefined ? {} : { control }),
    credential: from.credential,
    version: one.version,
    target: one.target,
    refs: unique([...one.refs, ...one.openIntents.flatMap(({ ref }) => (ref === undefined ? [] : [ref]))]),
    lateUntil: Math.max(0, ...one.openIntents.map(({ until }) => until)),
    fingerprint: one.fingerprint,
    places: [...from.backends, ...(one.left ?? [])].map((place) => ({ ...place, fields: place.fields })),
    onlyByHand: one.onlyByHand,
    ...waiting(one, from.emergency, declaredAt),
  };
}

/** The newest version that is current, not compromised, at the same target, and outlives the incident. */
function survivorOf(
  { versions, backends }: FreezableCredential,
  dies: (one: FreezableVersion) => boolean,
  target: string,
): Control | undefined {
  const one = versions.findLast(
    (other) => other.fate === 'current' && other.compromised !== true && other.target === target && !dies(other),
  );
  if (one?.fingerprint === undefined || !isVersionId(one.version)) return undefined;
  return {
    version: one.version,
    places: backends.map((place) => ({ ...place, fields: place.fields })),
    fingerprint: one.fingerprint,
  };
}

/** What the ledger knows, without what is proved dead. */
export function freezable({ id, entry, versions }: CredentialFacts): FreezableCredential {
  return {
    credential: id,
    emergency: entry.emergency,
    backends: entry.backends,
    versions: versions
      .filter((version) => version.fate !== 'dead')
      .map((version) => ({
        version: version.id,
        fate: version.fate,
        target: version.target,
        fingerprint: version.fingerprint,
        refs: version.refs.filter((one) => !one.gone).map((one) => one.ref),
        openIntents: version.intents
          .filter((intent) => intent.outcome === undefined && intent.effect === 'issue')
          .map(({ effect, place, until, ref }) => ({ effect, place, until, ref })),
        onlyByHand: version.onlyByHand,
        everCurrent: version.everCurrent,
        drill: version.drill,
        compromised: version.compromised,
        left: leftPlaces(version, entry.backends),
      })),
  };
}

/** Nobody waits for a version that no consumer ever had. */
function waiting(
  one: FreezableVersion,
  { policy, bound }: Entry['emergency'],
  declaredAt: number,
): { readonly policy: EmergencyPolicy; readonly killAt: number } {
  const unused = one.everCurrent === false || one.fate === 'pending' || one.fate === 'standby';
  if (unused || policy === 'revoke-first') return { policy: 'revoke-first', killAt: declaredAt };
  return { policy, killAt: declaredAt + (policy === 'standby' ? standbyBound : bound) };
}

function chosen(one: FreezableVersion, version: VersionId, which: Freeze): boolean {
  if (which === 'every') return true;
  if (which !== 'in use') return which.includes(version);
  return one.drill !== true && (one.fate === 'current' || one.fate === 'doomed');
}

/** Copies that are not erased, where the entry no longer looks; each place once. */
function leftPlaces(version: VersionFacts, kept: readonly FreezablePlace[]): readonly FreezablePlace[] {
  const seen = new Set(kept.map(placeKey));
  return version.copies.flatMap((copy) => {
    const key = placeKey(copy);
    if (copy.gone || seen.has(key)) return [];
    seen.add(key);
    return [{ backend: copy.backend, path: copy.path }];
  });
}

const placeKey = ({ backend, path }: FreezablePlace): string => JSON.stringify([backend, path]);

function unique(refs: readonly Ref[]): readonly Ref[] {
  return [...new Map(refs.map((ref) => [JSON.stringify([ref.id, ref.mark, ref.parent]), ref])).values()];
}
