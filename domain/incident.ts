import type { EmergencyPolicy, EntryBackend } from './entry.ts';
import type { Ref } from './facts.ts';
import type { CredentialId, VersionId } from './identifiers.ts';

/**
 * One key of an incident's frozen set: all that is needed to kill it and to prove it dead, and no secret. It travels in
 * workflow input, so that containment needs neither ledger nor inventory. Later versions enter only by a new escalation.
 */
export interface FrozenVersion {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly target: string;
  /** Handles that may live, marks among them; those of open intents too. What `list` shows under the version's tag is added when killing. */
  readonly refs: readonly Ref[];
  /** A create of this version may still appear until then, epoch milliseconds; 0: none is open. */
  readonly lateUntil: number;
  /** To check that a stored value is this version's before anything is proved with it. */
  readonly fingerprint: string | undefined;
  /** Where copies of its value may lie, for the refusal check. */
  readonly places: readonly EntryBackend[];
  /** No API can kill it (import without a ref): a person must. */
  readonly onlyByHand: boolean;
  readonly policy: EmergencyPolicy;
  /** Killed at this moment whatever the rotation has done until then, epoch milliseconds. revoke-first: the declaration. */
  readonly killAt: number;
  /** What must be accepted where it is refused, as far as was known when it was frozen; the ledger's later word goes before. */
  readonly control?: Control;
}

/** At most this many versions travel in one part: a payload of Temporal's may hold 2 MB. */
export const partSize = 250;

/** More keys than this ask for the count, typed. */
export const countTyped = 25;

export interface IncidentPace {
  /** First and longest wait after a failed call, milliseconds. */
  readonly retryFrom: number;
  readonly retryTo: number;
  /** How often the rotations' outcome is asked for. */
  readonly outcomeEvery: number;
  /** The 15 minutes; drills and tests make them small. */
  readonly clock: number;
  /** Continue as new after this long, milliseconds; unsaid: only when the server suggests it. */
  readonly renewAfter?: number;
}

export const defaultIncidentPace: IncidentPace = {
  retryFrom: 500,
  retryTo: 60_000,
  outcomeEvery: 2_000,
  clock: 15 * 60_000,
};

/** What an incident is declared with; its versions follow in parts, the first with the start. */
export interface Declaration {
  readonly incident: string;
  /** Epoch milliseconds of the declarer's clock: every interval is counted from here. */
  readonly declaredAt: number;
  readonly who: string;
  readonly why: string;
  /** For people: what was named (`credential openai/prod/bot`, `provider openai`, `a leaked value`). */
  readonly scope: string;
  readonly drill: boolean;
  /** How many parts the frozen set has; 0: a value that belongs to nothing known. */
  readonly parts: number;
  readonly pace: IncidentPace;
}

export interface IncidentPart {
  readonly incident: string;
  /** From 0; the same part again changes nothing. */
  readonly part: number;
  readonly versions: readonly FrozenVersion[];
  /** Of those targets that have one, by name: they get queues of their own and batches to fit. */
  readonly rates?: Readonly<Record<string, RateLimit>>;
}

/** Calls to one provider, over all workers; `per` in milliseconds. */
export interface RateLimit {
  readonly calls: number;
  readonly per: number;
}

/** The clock's moments, in order, each with the share of the clock at which it should be reached. */
export const moments = ['declared', 'contained', 'dead', 'replaced', 'confirmed', 'scoped', 'reported'] as const;
export type Moment = (typeof moments)[number];

export const shares: Readonly<Record<Moment, number>> = {
  declared: 0,
  contained: 2 / 15,
  dead: 5 / 15,
  replaced: 8 / 15,
  confirmed: 12 / 15,
  scoped: 14 / 15,
  reported: 1,
};

/** People are paged when these shares of the clock have passed and the incident is not through. */
export const pageShares = [0.5, 0.8, 1] as const;

/** Refusals counted since the version was last accepted, kept by whoever proves: no ledger is asked. */
export interface Refusals {
  readonly count: number;
  readonly firstAt: number;
  /** No value could be asked with: what is counted is that `list` did not show it. Never counts as refusals. */
  readonly of?: 'absence';
}

/** An uncompromised version that must be accepted where a dead one is refused. */
export interface Control {
  readonly version: VersionId;
  readonly places: readonly EntryBackend[];
  readonly fingerprint: string;
}

/** What containing one version came to. */
export interface ContainAnswer {
  readonly version: VersionId;
  /** Every ref known or listed under its tag was revoked, or was gone already. */
  readonly contained: boolean;
  /** Refs that `list` showed under its tag and the frozen set did not name; revoked too. */
  readonly seen: readonly Ref[];
  /** The provider's own answer time, epoch milliseconds. */
  readonly at: number;
  readonly trouble?: Trouble;
}

export interface Trouble {
  readonly code: string;
  readonly why: string;
  /** Milliseconds; from Retry-After where the provider said so. */
  readonly againIn: number;
  /** No retry will help: a person is needed. */
  readonly person: boolean;
}

/** What proving one version dead came to. */
export type ProveAnswer =
  | { readonly version: VersionId; readonly kind: 'dead'; readonly grade: 'refused' | 'absent'; readonly at: number }
  | {
      readonly version: VersionId;
      /** `accepted`: revoked, not yet dead. `cannot tell`: no control call was accepted. */
      readonly kind: 'accepted' | 'refused' | 'listed' | 'cannot tell';
      readonly why: string;
      readonly againIn: number;
      readonly refusals: Refusals | undefined;
      readonly trouble?: Trouble;
      /** No copy of its value can be read and no list can name it: nobody can ask the provider about it. */
      readonly unaskable?: true;
    };

/**
 * What happened to one version, as it is written to the ledger beside containment, or to the direct journal when there
 * is no Temporal. Times are the killer's clock. Idempotent: the same fact again is no change.
 */
export type KillFact =
  | {
      readonly kind: 'contained';
      readonly credential: CredentialId;
      readonly version: VersionId;
      readonly at: number;
      /** Every ref that was revoked or was gone already, those of `seen` too. */
      readonly refs: readonly Ref[];
      /** Those that `list` showed alive under its tag and the frozen set did not name. */
      readonly seen?: readonly Ref[];
    }
  | {
      readonly kind: 'dead';
      readonly credential: CredentialId;
      readonly version: VersionId;
      readonly at: number;
      readonly grade: 'refused' | 'absent';
    }
  | {
      readonly kind: 'trouble';
      readonly credential: CredentialId;
      readonly version: VersionId;
      readonly at: number;
      readonly code: string;
      readonly why: string;
    };

export interface ProvedDead {
  readonly version: VersionId;
  readonly at: number;
  readonly grade: 'refused' | 'absent';
}

/** How the replacement of one credential stands: asked of the ledger, where there is one. */
export interface OutcomeFacts {
  readonly credential: CredentialId;
  /** The newest epoch's version is uncompromised, alive as far as the ledger knows, and in every backend. */
  readonly replaced: boolean;
  /** GATE 3 has all its evidence for the newest epoch. */
  readonly confirmed: boolean;
  /** What is missing, for people. */
  readonly missing: readonly string[];
  /** A person must act (supply a value, kill by hand, un-hold): named. */
  readonly person: string | undefined;
  /** Why it will never be replaced (retiring, released): the incident does not wait for it. */
  readonly never?: string;
  /**
   * No effect that was under way when the incident was declared can still make one of its versions live: the ledger knows
   * them as compromised, and intents that could are answered or over. Only then does a death count for good.
   */
  readonly settled: boolean;
  /** Those of its compromised versions that the ledger knows as proved dead; answers of earlier builds say nothing of it. */
  readonly dead?: readonly ProvedDead[];
  /** What must be accepted beside its dead ones: the newest epoch's version, where it is fit for that. */
  readonly control?: Control;
  /** Entries to rotate once this one is replaced, in order. */
  readonly dependents: readonly CredentialId[];
}

/** One line of scope: who may have read or used a compromised version. `cannot tell` says why. */
export interface ScopeFinding {
  readonly credential: CredentialId;
  readonly version: VersionId;
  /** `backend:vault-main`, `provider:openai`. */
  readonly source: string;
  readonly verdict: 'read' | 'used' | 'none seen' | 'cannot tell';
  readonly text: string;
  /** Reads or uses, newest last, at most 50. */
  readonly seen: readonly { readonly at: number; readonly who: string; readonly from: string | undefined }[];
}

/** What the `progress` query of a running incident answers, and what `incident show` is made of. */
export interface IncidentProgress {
  readonly incident: string;
  readonly declaredAt: number;
  readonly scope: string;
  readonly drill: boolean;
  readonly keys: number;
  /** How many of them are through each moment that is counted by key. */
  readonly contained: number;
  readonly dead: number;
  readonly replaced: number;
  readonly confirmed: number;
  /** When the last key was through, or the step ended; epoch milliseconds. */
  readonly reached: Readonly<Partial<Record<Moment, number>>>;
  /** The clock as a whole, milliseconds; unsaid by runs of earlier builds. */
  readonly clock?: number;
  /** Keys that are not through, with why; at most 50, `more` says how many else. */
  readonly open: readonly OpenKey[];
  readonly more: number;
  readonly closed: boolean;
}

export interface OpenKey {
  readonly credential: CredentialId;
  readonly version: VersionId;
  /** The provider's own name of it, where one is known; of several the first. */
  readonly keyId?: string;
  readonly state: 'not contained' | 'revoked, not yet dead' | 'not replaced' | 'not confirmed';
  readonly why: string;
  /** When it is tried again, epoch milliseconds. */
  readonly again: number | undefined;
  readonly person: boolean;
}

/** Something people are told of while it happens; told again under the same key it is the same news. */
export interface IncidentNews {
  readonly incident: string;
  /** `moment.dead`, `paged.50`, `person.0`, `take-over.0`: unique within the incident. */
  readonly key: string;
  readonly kind: 'declared' | 'moment' | 'page' | 'person' | 'take-over' | 'closed';
  readonly text: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly progress: IncidentProgress;
}
