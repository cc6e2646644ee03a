import type { Entry, EvidenceKind } from './entry.ts';
import type { CredentialId, VersionId } from './identifiers.ts';
import type { Fate, Liveness } from './lifecycle.ts';

/** The provider's public handle of one generation of a version: plain JSON, no secret, may live in history. */
export interface Ref {
  /** Key id, role name, slot. */
  readonly id: string;
  /** The generation in a slot: `<installation>:<version>` where we write it, a fingerprint where the store has no place. */
  readonly mark?: string;
  /** What the id lives under (a service account, a project), where killing it needs that. */
  readonly parent?: string;
}

export function sameRef(one: Ref, other: Ref): boolean {
  return one.id === other.id && one.mark === other.mark && one.parent === other.parent;
}

/** Everything the ledger knows about one credential at one instant of its own clock. */
export interface CredentialFacts {
  readonly id: CredentialId;
  readonly now: number;
  readonly status: 'managed' | 'retiring' | 'released';
  readonly entry: Entry;
  /** A restored or cloned ledger observes until a person has read `reconcile`. */
  readonly observeOnly: boolean;
  /** Newest first. */
  readonly epochs: readonly EpochFacts[];
  /** Oldest first; every version ever issued or planned. */
  readonly versions: readonly VersionFacts[];
  readonly due: DueFacts;
  /** Open ones: neither honoured nor withdrawn. Freezes of everything are among them. */
  readonly requests: readonly RequestFacts[];
  /** The run that has started and not ended, if any. */
  readonly openRun: { readonly run: string; readonly startedAt: number } | undefined;
}

export interface EpochFacts {
  readonly epoch: number;
  readonly version: VersionId;
  readonly why: EpochReason;
  readonly decidedAt: number;
}

export type EpochReason = 'due' | 'requested' | 'roll-back' | 'survivor' | 'imported';

export interface DueFacts {
  /** When the schedule asks for the next version; undefined: at once (never rotated). */
  readonly at: number | undefined;
  readonly lastRotatedAt: number | undefined;
  readonly failedAttempts: number;
  readonly nextAttemptAt: number | undefined;
  /** The version that honoured the last due date is compromised: due again. */
  readonly reopened: boolean;
}

export interface VersionFacts {
  readonly id: VersionId;
  readonly fate: Fate;
  readonly everCurrent: boolean;
  readonly compromised: boolean;
  /** When the earliest open incident that names it was declared, else when it was marked; epoch milliseconds. */
  readonly compromisedAt: number | undefined;
  /** When an incident that is open revoked every key of it, by the killer's clock; undefined: none has. */
  readonly containedAt?: number | undefined;
  readonly suspended: boolean;
  /** An intent with neither outcome nor staged value: this id is never used again. */
  readonly spent: boolean;
  /** It failed verification, or the provider refused it while it should live. */
  readonly refused: boolean;
  /** Issue outcome recorded: refs are known and every backend staged it. */
  readonly issued: boolean;
  readonly target: string;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  readonly fingerprint: string | undefined;
  readonly refs: readonly { readonly ref: Ref; readonly gone: boolean }[];
  readonly copies: readonly CopyFacts[];
  readonly intents: readonly IntentFacts[];
  readonly baseline:
    | {
        readonly place: string;
        readonly replaces: string | undefined;
        readonly live: readonly string[];
        readonly at: number;
      }
    | undefined;
  readonly authorisedEpoch: number | undefined;
  readonly killBegun: boolean;
  readonly suspendedAt: number | undefined;
  readonly dead: { readonly at: number; readonly grade: 'refused' | 'absent' } | undefined;
  /** Refusals counted since it was last accepted. */
  readonly refusals: { readonly count: number; readonly firstAt: number; readonly lastAt: number } | undefined;
  /** Only a person can kill it (import without a findable ref). */
  readonly onlyByHand: boolean;
  readonly debtMoved: boolean;
  /** Made for a drill: doomed from birth, never wanted, never promoted. */
  readonly drill: boolean;
}

/** It is suspended, or a suspension of it was never answered: it may have had its effect, and a resume ends the doubt. */
export const mayBeSuspended = ({ suspended, intents }: Pick<VersionFacts, 'suspended' | 'intents'>): boolean =>
  suspended || intents.some(({ effect, outcome }) => effect === 'suspend' && outcome === undefined);

export interface CopyFacts {
  readonly backend: string;
  readonly path: string;
  readonly as: 'staged' | 'main';
  readonly epoch: number | undefined;
  readonly gone: boolean;
}

export type Effect = 'issue' | 'stage' | 'promote' | 'suspend' | 'resume' | 'revoke' | 'destroy';

export interface IntentFacts {
  readonly effect: Effect;
  /** Slot or project, or backend: where the effect lands. */
  readonly place: string;
  /** Ledger clock + call time-out + the provider's late-create time: before this the effect may still appear. */
  readonly until: number;
  readonly outcome: 'done' | 'failed' | undefined;
  /** What the intent will make, known beforehand where we choose it. */
  readonly ref: Ref | undefined;
}

export type RequestKind = 'pause' | 'freeze' | 'rollBack' | 'release' | 'rotate';
export type ReleaseKind = 'unproved' | 'ask' | 'retire' | 'alive';

export interface RequestFacts {
  readonly id: string;
  readonly kind: RequestKind;
  /** Undefined for a freeze of everything. */
  readonly credential: CredentialId | undefined;
  readonly epoch: number | undefined;
  /** rollBack: the version to go back to. release --alive: the version given up. */
  readonly version: VersionId | undefined;
  readonly release: ReleaseKind | undefined;
  readonly who: string;
  readonly why: string;
  readonly at: number;
}

/** What the world answered when a run planned: asked, never guessed. */
export interface WorldFacts {
  /** Only versions that were asked for. `accepted` and `forbidden` are both `live`. */
  readonly liveness: ReadonlyMap<VersionId, Liveness>;
  /** By backend name. */
  readonly backends: ReadonlyMap<string, BackendStanding>;
}

export type BackendStanding = 'in-sync' | 'behind' | 'foreign' | 'unknown';

/** Line 3 of GATE, as the ledger sees it. */
export interface EvidenceFacts {
  readonly epoch: number;
  readonly decidedAt: number;
  /** Set when the entry says `consumers: none`. */
  readonly none: string | undefined;
  /** Every consumer demanded at any time since this epoch was decided: only grows. */
  readonly demands: readonly {
    readonly consumer: string;
    readonly demand: EvidenceKind;
    readonly kind: 'service' | 'job';
    readonly deadline: number;
  }[];
  /** Every instance seen since the epoch was decided or beating at it. */
  readonly instances: readonly InstanceFacts[];
  readonly evidence: readonly {
    readonly consumer: string;
    /** Undefined: the consumer as a whole (acknowledged, rolled-out). */
    readonly instance: string | undefined;
    readonly kind: EvidenceKind;
    readonly at: number;
    readonly withdrawn: boolean;
  }[];
  readonly waivers: readonly {
    readonly consumer: string;
    readonly instance: string | undefined;
    readonly who: string;
  }[];
  /** Missing when a person released this epoch unproved: exactly these, nothing that came later. */
  readonly released?: readonly { readonly consumer: string; readonly instance: string | undefined }[];
}

export interface InstanceFacts {
  readonly consumer: string;
  readonly instance: string;
  readonly boot: string;
  readonly seenAt: number;
  readonly leaseUntil: number;
  /** Deregistered, or reported gone by its platform, or replaced by a later boot after its lease lapsed. */
  readonly left: boolean;
}

/** Line 4 of GATE: what was seen of one watched version. */
export interface SilenceFacts {
  readonly kind: 'timestamp' | 'counter' | 'sample';
  readonly watchingSince: number;
  /** timestamp, counter: the newest moment known free of unread use (reading time minus lag). sample: end of unbroken watching. */
  readonly watchedUntil: number;
  /** Undefined: no use seen while watching. */
  readonly lastUseAt: number | undefined;
  /** counter: the last reading. */
  readonly count?: number;
}
