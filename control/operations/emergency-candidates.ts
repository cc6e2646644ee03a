import type { Entry, EntryBackend } from '../../domain/entry.ts';
import type { CredentialFacts } from '../../domain/facts.ts';
import { freezable, frozenFrom, frozenOne } from '../../domain/freeze.ts';
import type { FreezableCredential, FreezableVersion } from '../../domain/freeze.ts';
import { isCredentialId, isVersionId } from '../../domain/identifiers.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { FrozenVersion } from '../../domain/incident.ts';
import type { KillSheetCredential } from '../../ledger/ledger.ts';

/** One credential as a scope sees it, whichever source told of it: the ledger or the kill sheet. */
export interface Candidate {
  readonly credential: CredentialId;
  readonly team: string;
  readonly target: string;
  readonly groups: readonly string[];
  readonly places: readonly EntryBackend[];
  readonly emergency: Entry['emergency'];
  /** Undefined: the source does not know. */
  readonly consumers: readonly string[] | undefined;
  readonly dependents: readonly CredentialId[] | undefined;
  /** Without those proved dead. */
  readonly versions: readonly CandidateVersion[];
  /** Proved dead; the kill sheet knows none. */
  readonly dead: readonly { readonly version: VersionId; readonly at: number }[];
}

export type CandidateVersion = FreezableVersion & { readonly version: VersionId };

export function candidateFromFacts(facts: CredentialFacts): Candidate {
  const { id, entry } = facts;
  return {
    credential: id,
    team: entry.team,
    target: entry.target,
    groups: entry.groups,
    places: entry.backends,
    emergency: entry.emergency,
    consumers: 'none' in entry.consumers ? [] : entry.consumers.map(({ name }) => name),
    dependents: entry.dependents,
    versions: living(freezable(facts)),
    dead: facts.versions.flatMap(({ id: version, fate, dead }) =>
      fate === 'dead' ? [{ version, at: dead?.at ?? facts.now }] : [],
    ),
  };
}

/** A line that is no credential of ours is left out: the sheet is a file that may be damaged. */
export function candidateFromSheet(sheet: KillSheetCredential): Candidate | undefined {
  const { credential } = sheet;
  if (!isCredentialId(credential)) return undefined;
  return {
    credential,
    team: sheet.team,
    target: sheet.target,
    groups: sheet.groups,
    // Fields may be missing on the sheet; then the value is found by the fingerprint alone.
    places: sheet.backends.map((place) => ({ ...place, fields: place.fields })),
    emergency: sheet.emergency,
    consumers: sheet.consumers,
    dependents: sheet.dependents?.filter(isCredentialId),
    versions: living(sheet),
    dead: [],
  };
}

function living({ versions }: FreezableCredential): readonly CandidateVersion[] {
  return versions.flatMap((one) => {
    const { version } = one;
    return isVersionId(version) && one.fate !== 'dead' ? [{ ...one, version }] : [];
  });
}

/**
 * The versions of this credential that an incident freezes. `wide`: what leaked may hold spares and versions in the
 * making too (provider, environment, backend, leak source).
 */
export function freeze(candidate: Candidate, declaredAt: number, wide: boolean): readonly FrozenVersion[] {
  return frozenFrom(known(candidate), wide ? 'every' : 'in use', declaredAt);
}

/** `taken`: the versions of this credential that are frozen with it. */
export function frozen(
  candidate: Candidate,
  version: CandidateVersion,
  declaredAt: number,
  taken: (version: string) => boolean,
): FrozenVersion {
  return frozenOne(known(candidate), version, declaredAt, (other) => taken(other.version));
}

const known = ({ places, ...candidate }: Candidate): FreezableCredential & { readonly credential: CredentialId } => ({
  ...candidate,
  backends: places,
});
