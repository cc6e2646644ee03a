import type { CredentialId } from './identifiers.ts';
import type { KeyState } from './incident-keys.ts';
import { openKey } from './incident-keys.ts';
import {
  moments,
  type Declaration,
  type IncidentProgress,
  type Moment,
  type OpenKey,
  type OutcomeFacts,
} from './incident.ts';

/** How one part stands, as it tells the incident. Small: an incident may have forty of them. */
export interface PartProgress {
  readonly part: number;
  readonly keys: number;
  readonly contained: number;
  readonly dead: number;
  /** Deaths that count for good. */
  readonly through: number;
  readonly replaced: number;
  readonly confirmed: number;
  /** When the last of its keys was there; epoch milliseconds. */
  readonly reached: Readonly<Partial<Record<Moment, number>>>;
  readonly open: readonly OpenKey[];
  readonly more: number;
  /** Steps in which a key needs a person. */
  readonly failed: readonly Moment[];
  /** Facts that the ledger has not got yet. */
  readonly unrecorded: number;
}

/** Lines of open keys: of one part, and of the whole. */
const linesOfPart = 25;
const lines = 50;

/** `seen`: when each of the moments that the ledger tells of was seen to be reached by all of its keys. */
export function partProgress(input: {
  readonly part: number;
  readonly keys: readonly KeyState[];
  readonly outcomes: ReadonlyMap<CredentialId, OutcomeFacts>;
  readonly seen: Readonly<Partial<Record<'replaced' | 'confirmed', number>>>;
  readonly unrecorded: number;
  /** What people may do about a rotation that is late. */
  readonly late: (credential: CredentialId) => string | undefined;
}): PartProgress {
  const { part, keys, outcomes, seen, unrecorded, late } = input;
  const outcome = (key: KeyState): OutcomeFacts | undefined => outcomes.get(key.frozen.credential);
  const open = keys.flatMap((key) => openKey(key, outcome(key)) ?? []).map((line) => offered(line, late));
  const contained = keys.filter((key) => key.containedAt !== undefined);
  const dead = keys.filter((key) => key.dead !== undefined);
  const latest = (times: readonly number[]): number => times.reduce((last, at) => Math.max(last, at), 0);
  const reached: Partial<Record<Moment, number>> = { ...seen };
  if (contained.length === keys.length) reached.contained = latest(contained.map((key) => key.containedAt ?? 0));
  if (dead.length === keys.length) reached.dead = latest(dead.map((key) => key.dead?.at ?? 0));
  return {
    part,
    keys: keys.length,
    contained: contained.length,
    dead: dead.length,
    through: keys.filter((key) => key.through).length,
    replaced: keys.filter((key) => isReplaced(outcome(key))).length,
    confirmed: keys.filter((key) => isConfirmed(outcome(key))).length,
    reached,
    // People are needed first, then what lives, then what waits.
    open: open.toSorted((one, other) => Number(other.person) - Number(one.person)).slice(0, linesOfPart),
    more: Math.max(0, open.length - linesOfPart),
    failed: [...new Set(open.filter((one) => one.person).map((one) => stepOf[one.state]))],
    unrecorded,
  };
}

function offered(line: OpenKey, late: (credential: CredentialId) => string | undefined): OpenKey {
  const offer = line.state === 'not replaced' ? late(line.credential) : undefined;
  return offer === undefined ? line : { ...line, why: `${line.why}; ${offer}` };
}

const stepOf: Readonly<Record<OpenKey['state'], Moment>> = {
  'not contained': 'contained',
  'revoked, not yet dead': 'dead',
  'not replaced': 'replaced',
  'not confirmed': 'confirmed',
};

/** What can never be replaced keeps nobody waiting. */
export const isReplaced = (outcome: OutcomeFacts | undefined): boolean =>
  outcome !== undefined && (outcome.replaced || outcome.never !== undefined);
export const isConfirmed = (outcome: OutcomeFacts | undefined): boolean =>
  outcome !== undefined && ((outcome.replaced && outcome.confirmed) || outcome.never !== undefined);

/** Every death counts and every credential is replaced, or cannot be. */
export const partIsThrough = (part: PartProgress): boolean => part.through === part.keys && part.replaced === part.keys;

/** The incident as a whole. `own`: moments that no part tells of. */
export function incidentProgress(
  declaration: Declaration,
  parts: readonly PartProgress[],
  own: Readonly<Partial<Record<Moment, number>>>,
  closed: boolean,
): IncidentProgress {
  const sum = (count: (part: PartProgress) => number): number => parts.reduce((total, part) => total + count(part), 0);
  const open = parts.flatMap((part) => part.open).toSorted((one, other) => Number(other.person) - Number(one.person));
  const { incident, declaredAt, scope, drill, pace } = declaration;
  return {
    incident,
    declaredAt,
    scope,
    drill,
    keys: sum((part) => part.keys),
    contained: sum((part) => part.contained),
    dead: sum((part) => part.dead),
    replaced: sum((part) => part.replaced),
    confirmed: sum((part) => part.confirmed),
    reached: { ...reachedByAll(declaration, parts), ...own, declared: declaredAt },
    clock: pace.clock,
    open: open.slice(0, lines),
    more: sum((part) => part.more) + Math.max(0, open.length - lines),
    closed,
  };
}

/** A moment is reached when all parts have told of it. */
function reachedByAll(
  declaration: Declaration,
  parts: readonly PartProgress[],
): Readonly<Partial<Record<Moment, number>>> {
  if (declaration.parts === 0 || parts.length < declaration.parts) return {};
  return Object.fromEntries(
    moments.flatMap((moment) => {
      const times = parts.map((part) => part.reached[moment]);
      if (times.some((at) => at === undefined)) return [];
      return [[moment, Math.max(...times.map((at) => at ?? 0))]];
    }),
  );
}
