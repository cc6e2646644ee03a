import type { Ref } from './facts.ts';
import { sameRef } from './facts.ts';
import { backoff } from './incident-clock.ts';
import type {
  ContainAnswer,
  FrozenVersion,
  IncidentPace,
  KillFact,
  OpenKey,
  OutcomeFacts,
  ProveAnswer,
  ProvedDead,
  Refusals,
  Trouble,
} from './incident.ts';

/** Where one key stands. Plain, so that a continued run carries it. */
export interface KeyState {
  readonly frozen: FrozenVersion;
  readonly containedAt: number | undefined;
  readonly dead: { readonly at: number; readonly grade: 'refused' | 'absent' } | undefined;
  /** Looked at once more after nothing could make it live again: its death counts for good. */
  readonly through: boolean;
  readonly refusals: Refusals | undefined;
  /** Failures in a row. */
  readonly failures: number;
  /** Answers in a row that it still lives. */
  readonly accepted: number;
  /** Nothing is tried before, epoch milliseconds. */
  readonly again: number;
  readonly why: string;
  readonly person: boolean;
  /** Nobody can ask the provider about it: most often its rotation has erased what it was asked with. */
  readonly unaskable?: true;
  /** Codes of trouble that were told as facts. */
  readonly told: readonly string[];
}

export const keyOf = (frozen: FrozenVersion): KeyState => ({
  frozen,
  containedAt: undefined,
  dead: undefined,
  through: false,
  refusals: undefined,
  failures: 0,
  accepted: 0,
  again: 0,
  why: 'not tried yet',
  person: false,
  told: [],
});

export type KeyStep = 'contain' | 'prove';

/**
 * What is to be done for a key, and from when; undefined: nothing for now. A policy that lets the rotation replace first
 * ends with `killAt`, or as soon as the replacement is there and its consumers have shown it.
 */
export function nextStep(key: KeyState, outcome: OutcomeFacts | undefined): { step: KeyStep; at: number } | undefined {
  if (key.through) return undefined;
  const { frozen, again } = key;
  if (key.dead !== undefined) {
    if (outcome?.settled !== true) return undefined;
    return { step: 'prove', at: Math.max(again, frozen.lateUntil) };
  }
  if (key.containedAt !== undefined) return { step: 'prove', at: again };
  const replaced = outcome?.replaced === true && outcome.confirmed;
  const from = replaced ? 0 : frozen.killAt;
  // Only a person can kill it, and may have done so: that is seen by asking, not by trying to kill it again.
  const step = key.person && key.failures % 2 === 1 ? 'prove' : 'contain';
  return { step, at: Math.max(again, from) };
}

/** A key after one answer, and the facts to record. */
export interface After {
  readonly key: KeyState;
  readonly facts: readonly KillFact[];
}

export function afterContain(key: KeyState, answer: ContainAnswer, now: number, pace: IncidentPace): After {
  const frozen = withRefs(key.frozen, answer.seen);
  const { trouble } = answer;
  if (!answer.contained) return afterTrouble({ ...key, frozen }, trouble ?? unexplained, now, pace);
  const contained: KeyState = {
    ...key,
    frozen,
    containedAt: key.containedAt ?? answer.at,
    failures: 0,
    accepted: 0,
    person: false,
    again: now,
    why: 'revoked, its death is being proved',
  };
  return { key: contained, facts: [{ kind: 'contained', ...about(key), at: answer.at, refs: frozen.refs }] };
}

const unexplained: Trouble = { code: 'UNAVAILABLE', why: 'the provider did not say why', againIn: 0, person: false };

export function afterProve(before: KeyState, answer: ProveAnswer, now: number, pace: IncidentPace): After {
  const { unaskable: _before, ...asked } = before;
  const key: KeyState = answer.kind !== 'dead' && answer.unaskable === true ? { ...asked, unaskable: true } : asked;
  if (answer.kind === 'dead') {
    const { at, grade } = answer;
    const dead: KeyState = {
      ...key,
      containedAt: key.containedAt ?? at,
      dead: key.dead ?? { at, grade },
      through: key.dead !== undefined,
      failures: 0,
      accepted: 0,
      person: false,
      again: now,
      why: '',
    };
    if (key.dead !== undefined) return { key: dead, facts: [] };
    return { key: dead, facts: [{ kind: 'dead', ...about(key), at, grade }] };
  }
  const refusals = answer.refusals;
  // A key that only a person can kill stays not contained until somebody has.
  if (key.containedAt === undefined) {
    const failures = key.failures + 1;
    return { key: { ...key, refusals, failures, again: now + wait(answer.againIn, failures, pace) }, facts: [] };
  }
  if (answer.trouble !== undefined) return afterTrouble({ ...key, refusals }, answer.trouble, now, pace);
  const next = {
    ...key,
    refusals,
    failures: 0,
    person: false,
    why: answer.why,
    again: now + Math.max(1, answer.againIn),
  };
  if (answer.kind === 'refused') return { key: next, facts: [] };
  if (answer.kind === 'cannot tell') {
    const failures = key.failures + 1;
    return { key: { ...next, failures, again: now + wait(answer.againIn, failures, pace) }, facts: [] };
  }
  const accepted = key.accepted + 1;
  // It lives: what counted as its death was none. What is listed, or accepted for long, is revoked once more.
  const kill = answer.kind === 'listed' || key.dead !== undefined || accepted % 5 === 0;
  return {
    key: { ...next, accepted, dead: undefined, containedAt: kill ? undefined : key.containedAt },
    facts: [],
  };
}

const provedIn = (outcome: OutcomeFacts | undefined, key: KeyState): ProvedDead | undefined =>
  outcome?.dead?.find(({ version }) => version === key.frozen.version);

/**
 * A key that nobody can ask about any more, and that the ledger knows as dead: its rotation has proved it, and erased what
 * that took. Undefined: the ledger does not say so, or an effect under way may still make it live.
 */
export function afterLedger(key: KeyState, outcome: OutcomeFacts | undefined, pace: IncidentPace): After | undefined {
  const proved = provedIn(outcome, key);
  if (key.unaskable !== true || key.through || proved === undefined || outcome?.settled !== true) return undefined;
  const { key: dead, facts } = afterProve(key, { kind: 'dead', ...proved }, proved.at, pace);
  return { key: { ...dead, through: true }, facts };
}

/** Its rotation has seen what a person did: it is asked about now, not when it is next looked at for people. */
export function afterPerson(key: KeyState, outcome: OutcomeFacts): KeyState {
  const news = key.person && key.dead === undefined && provedIn(outcome, key) !== undefined;
  return news ? { ...key, failures: 1, again: 0 } : key;
}

/** Is its end known from the ledger alone, if at all? */
export const restsOnLedger = (key: KeyState): boolean => !key.through && (key.person || key.unaskable === true);

/** A call that failed. Each code is told once for each key: the wait between tries only grows. */
export function afterTrouble(key: KeyState, trouble: Trouble, now: number, pace: IncidentPace): After {
  const failures = key.failures + 1;
  const { code, why, person } = trouble;
  // A provider that names its own patience is asked again then; it says nothing about this key.
  const againIn =
    code === 'RATE_LIMITED' ? Math.max(trouble.againIn, pace.retryFrom) : wait(trouble.againIn, failures, pace);
  const after: KeyState = {
    ...key,
    failures,
    again: now + againIn,
    why,
    person,
    told: key.told.includes(code) ? key.told : [...key.told, code],
  };
  if (key.told.includes(code)) return { key: after, facts: [] };
  return { key: after, facts: [{ kind: 'trouble', ...about(key), at: now, code, why }] };
}

const wait = (asked: number, failures: number, pace: IncidentPace): number => Math.max(asked, backoff(pace, failures));

const about = ({
  frozen: { credential, version, refs },
}: KeyState): Pick<OpenKey, 'credential' | 'version' | 'keyId'> => ({
  credential,
  version,
  ...(refs[0] === undefined ? {} : { keyId: refs[0].id }),
});

function withRefs(frozen: FrozenVersion, seen: readonly Ref[]): FrozenVersion {
  const more = seen.filter((ref) => !frozen.refs.some((known) => sameRef(known, ref)));
  return more.length === 0 ? frozen : { ...frozen, refs: [...frozen.refs, ...more] };
}

/** A key that is not through, as people see it; undefined when it is. */
export function openKey(key: KeyState, outcome: OutcomeFacts | undefined): OpenKey | undefined {
  const line = { ...about(key), again: key.again === 0 ? undefined : key.again };
  if (key.dead === undefined && key.containedAt === undefined)
    return { ...line, state: 'not contained', why: key.why, person: key.person };
  if (key.dead === undefined) return { ...line, state: 'revoked, not yet dead', why: key.why, person: key.person };
  if (outcome?.never !== undefined) return undefined;
  if (outcome?.replaced !== true) {
    const why = outcome?.person ?? outcome?.missing.join('; ') ?? 'its rotation has not been heard of yet';
    return { ...line, again: undefined, state: 'not replaced', why, person: outcome?.person !== undefined };
  }
  if (outcome.confirmed) return undefined;
  return { ...line, again: undefined, state: 'not confirmed', why: outcome.missing.join('; '), person: false };
}
