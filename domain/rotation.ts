import type { EpochReason } from './facts.ts';
import type { CredentialId, VersionId } from './identifiers.ts';

/** What a rotation is started with, what it carries over a continue-as-new, and what its effects answer. Pure shapes: they live in history. */
export const steps = [
  'preflight',
  'issuing',
  'verifying',
  'promoting',
  'confirming',
  'held',
  'soaking',
  'revoking',
  'destroying',
  'discarding',
  'done',
] as const;
export type Step = (typeof steps)[number];

export interface RotationInput {
  readonly credential: CredentialId;
  /** Why it was started: a due check's name, a request, an incident. */
  readonly reason: string;
  readonly actor: string;
  readonly rehearse: boolean;
  /** Milliseconds; tests make them small. */
  readonly pace: Pace;
  /** Only on a continue-as-new. */
  readonly carried?: Carried;
}

export interface Pace {
  /** First and longest wait after a retryable failure. */
  readonly retryFrom: number;
  readonly retryTo: number;
  /** Continue as new after this long. */
  readonly renewAfter: number;
  /** A revoke failing this long moves to `settleDebt`. */
  readonly debtAfter: number;
}

export const defaultPace: Pace = {
  retryFrom: 1_000,
  retryTo: 300_000,
  renewAfter: 86_400_000,
  debtAfter: 6 * 3_600_000,
};

/** What a run was about to end with when it was continued: a version that is not to become current, and others that never were. */
export interface Discards {
  readonly version: VersionId;
  readonly others: readonly Doomed[];
  /** Why, for people; undefined in a rehearsal. */
  readonly why: string | undefined;
}

/** State that a continued run needs; the rest is asked anew. A later format adds to these names and gives none another meaning. */
export interface Carried {
  readonly format: 1;
  readonly compromised: readonly VersionId[];
  readonly step: Step;
  /** Milliseconds watched in `confirming`. */
  readonly watched: number;
  /** How often this workflow has closed its run in the ledger and begun another. */
  readonly passes: number;
  /** Set while a run discards: it goes on with that, and makes nothing else. */
  readonly discards?: Discards;
}

/**
 * A run of a newer or older build may have written it, so it is read by name, whatever its format: what cannot be read is
 * asked anew, escalations and the number of passes are never dropped.
 */
export function readCarried(carried: unknown): Carried | undefined {
  if (typeof carried !== 'object' || carried === null) return undefined;
  // Checked field by field below; the cast only names what is looked at.
  const { compromised, step, watched, passes, discards } = carried as Record<string, unknown>;
  const known = steps.find((one) => one === step) ?? 'preflight';
  const read = readDiscards(discards);
  // Version ids were checked where they entered; a string that is none matches no version.
  return {
    format: 1,
    compromised: (Array.isArray(compromised)
      ? compromised.filter((one) => typeof one === 'string')
      : []) as VersionId[],
    step: known,
    watched: typeof watched === 'number' ? watched : 0,
    passes: typeof passes === 'number' ? passes : 0,
    ...(read === undefined ? {} : { discards: read }),
  };
}

function readDiscards(discards: unknown): Discards | undefined {
  if (typeof discards !== 'object' || discards === null) return undefined;
  // Looked at field by field, as above.
  const { version, others, why } = discards as Record<string, unknown>;
  if (typeof version !== 'string' || !Array.isArray(others)) return undefined;
  return {
    version: version as VersionId,
    others: others.filter((one): one is Doomed => typeof one === 'object' && one !== null && 'version' in one),
    why: typeof why === 'string' ? why : undefined,
  };
}

/**
 * What every effect answers. `wait`: not yet, for this reason; ask again after `againIn` milliseconds or on a wake.
 * `startOver`: the world differs from the plan; plan anew. `step` may rename what people see (confirming, held, soaking).
 */
export type Answer<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'wait'; readonly reason: string; readonly againIn: number; readonly step?: Step }
  | { readonly kind: 'startOver'; readonly reason: string }
  /** Permanent, and nothing was begun: the run ends as `failed`. After the first intent effects throw instead: hold and alarm. */
  | { readonly kind: 'fail'; readonly reason: string };

export const done = <Result>(result: Result): Answer<Result> => ({ kind: 'done', result });
export const wait = (reason: string, againIn: number, step?: Step): Answer<never> =>
  step === undefined ? { kind: 'wait', reason, againIn } : { kind: 'wait', reason, againIn, step };
export const fail = (reason: string): Answer<never> => ({ kind: 'fail', reason });
export const startOver = (reason: string): Answer<never> => ({ kind: 'startOver', reason });

/** What a planning run is told to do. `issue` has been given its id already. */
export interface RunPlan {
  readonly wanted: VersionId | undefined;
  readonly why: EpochReason;
  readonly expectedEpoch: number;
  /** Not yet issued and staged. */
  readonly issue: boolean;
  readonly promote: boolean;
  /** Compromised and revoke-first: killed before anything is issued. */
  readonly killFirst: readonly VersionId[];
  readonly doomed: readonly Doomed[];
  readonly mode: 'observe' | 'ask' | 'automatic';
  /** Leaked versions that are killed this many milliseconds after the plan was made, whatever is missing then. */
  readonly bounds?: readonly { readonly version: VersionId; readonly within: number }[];
  /** Nothing else is owed: this spare version is to be issued, stored and verified. */
  readonly refill?: VersionId;
}

export interface Doomed {
  readonly version: VersionId;
  readonly compromised: boolean;
  /** Promotion was never decided: discarded at once, without GATE. */
  readonly neverCurrent: boolean;
}

export interface EffectInput {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly run: string;
  /** Named by escalations this run knows of. */
  readonly compromised: readonly VersionId[];
  /** Milliseconds this step has waited while somebody watched: deadlines count these, not the time we were down. */
  readonly watched: number;
}

export interface AwaitInput extends EffectInput {
  /** Milliseconds until the version is killed whatever is missing. */
  readonly remaining: number;
}

/** What planning tells the run: work to do, or that it has closed the run in the ledger. */
export type Planned =
  | { readonly kind: 'work'; readonly plan: RunPlan }
  | { readonly kind: 'ended'; readonly outcome: Outcome; readonly why: string | undefined };

export type Outcome = 'rotated' | 'rolled-back' | 'discarded' | 'indebted' | 'failed' | 'observed' | 'nothing';

export interface RotationResult {
  readonly outcome: Outcome;
  readonly why: string | undefined;
}
