import { formatDuration } from '../../domain/duration.ts';
import type { EmergencyPolicy } from '../../domain/entry.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import { countTyped } from '../../domain/incident.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import type { Candidate } from './emergency-candidates.ts';
import type { Resolved } from './emergency-resolve.ts';
import { told } from './within.ts';

/** What an emergency would do, before anybody says yes. Plain JSON; no secret. */
export interface BlastRadius {
  readonly scope: string;
  readonly source: Resolved['source'];
  readonly troubles: readonly string[];
  readonly keys: readonly BlastKey[];
  /** What each policy among them will do, and when. */
  readonly policies: readonly { readonly policy: EmergencyPolicy; readonly keys: number; readonly what: string }[];
  /** Names; `null`: the source does not know. */
  readonly consumers: readonly string[] | null;
  /** Credentials that are rotated after these, in order; `null`: the source does not know. */
  readonly dependents: readonly CredentialId[] | null;
  /** No API kills these: a person does, so. */
  readonly byHand: readonly {
    readonly credential: CredentialId;
    readonly version: VersionId;
    readonly text: readonly string[];
  }[];
  readonly deadAlready: Resolved['deadAlready'];
  /** Providers whose keys look like the value. */
  readonly shapes: readonly string[];
  /** How many there are beside those named, of entries that whoever asks may not see. */
  readonly elsewhere: { readonly dependents: number; readonly deadAlready: number };
  /** This number must be typed. */
  readonly mustCount: boolean;
}

export interface BlastKey {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly fate: string | null;
  readonly target: string;
  readonly refs: readonly string[];
  readonly policy: EmergencyPolicy;
  /** Milliseconds after the declaration. */
  readonly killIn: number;
  readonly onlyByHand: boolean;
  readonly consumers: readonly string[] | null;
}

/** `sees`: the credentials that may be named to whoever asks; of others only how many is told. Those it kills are theirs. */
export async function blastRadius(
  { known }: Pick<EmergencyPorts, 'known'>,
  resolved: Resolved,
  sees: (credential: CredentialId) => boolean = () => true,
): Promise<BlastRadius> {
  const { versions } = resolved;
  const candidates = resolved.candidates.filter(({ credential }) => sees(credential));
  const dependents = dependentsOf(resolved);
  const named = dependents?.filter(sees) ?? null;
  const deadAlready = resolved.deadAlready.filter(({ credential }) => sees(credential));
  const of = new Map(candidates.map((one) => [one.credential, one]));
  const keys = versions.map((one) => ({
    credential: one.credential,
    version: one.version,
    fate: of.get(one.credential)?.versions.find(({ version }) => version === one.version)?.fate ?? null,
    target: one.target,
    refs: one.refs.map(({ id }) => id),
    policy: one.policy,
    killIn: one.killAt - resolved.at,
    onlyByHand: one.onlyByHand,
    consumers: of.get(one.credential)?.consumers ?? null,
  }));
  const byHand = await Promise.all(
    versions
      .filter(({ onlyByHand }) => onlyByHand)
      .map(async (one) => ({
        credential: one.credential,
        version: one.version,
        text: await known.byHand(one).catch((thrown: unknown) => [`cannot tell how: ${told(thrown)}`]),
      })),
  );
  return {
    scope: resolved.scope,
    source: resolved.source,
    troubles: resolved.troubles,
    keys,
    policies: policiesOf(keys),
    consumers: consumersOf(candidates),
    dependents: named,
    byHand,
    deadAlready,
    shapes: resolved.shapes ?? [],
    elsewhere: {
      dependents: (dependents?.length ?? 0) - (named?.length ?? 0),
      deadAlready: resolved.deadAlready.length - deadAlready.length,
    },
    mustCount: mustCount(resolved),
  };
}

/** Many keys, or keys that only look like the right ones: whoever declares says how many. */
export function mustCount({ versions, source }: Resolved): boolean {
  return versions.length > countTyped || (source === 'provider hints' && versions.length > 1);
}

function policiesOf(keys: readonly BlastKey[]): BlastRadius['policies'] {
  return (['revoke-first', 'standby', 'replace-first'] as const).flatMap((policy) => {
    const mine = keys.filter((key) => key.policy === policy && !key.onlyByHand);
    if (mine.length === 0) return [];
    const latest = formatDuration(Math.max(...mine.map(({ killIn }) => killIn)));
    const what = {
      'revoke-first': 'killed at once; consumers fail until they have the replacement',
      standby: `the spare takes over first, then killed; without a spare killed after ${latest}`,
      'replace-first': `killed once every consumer has proved the replacement, at the latest after ${latest}`,
    }[policy];
    return [{ policy, keys: mine.length, what }];
  });
}

function consumersOf(candidates: readonly Candidate[]): BlastRadius['consumers'] {
  if (candidates.length === 0 || candidates.some(({ consumers }) => consumers === undefined)) return null;
  return [...new Set(candidates.flatMap(({ consumers }) => consumers ?? []))].toSorted();
}

/** Breadth first: a dependent stands after whatever it depends on. */
function dependentsOf({ candidates, others }: Resolved): BlastRadius['dependents'] {
  const all = [...candidates, ...others];
  if (all.length === 0 || all.some(({ dependents }) => dependents === undefined)) return null;
  const next = new Map(all.map(({ credential, dependents }) => [credential, dependents ?? []]));
  const seen = new Set<CredentialId>(candidates.map(({ credential }) => credential));
  const order: CredentialId[] = [];
  let edge: readonly CredentialId[] = [...seen];
  while (edge.length > 0) {
    const fresh = [...new Set(edge.flatMap((id) => next.get(id) ?? []))].filter((id) => !seen.has(id));
    fresh.forEach((id) => seen.add(id));
    order.push(...fresh);
    edge = fresh;
  }
  return order;
}
