import type { Entry, EvidenceKind } from '../domain/entry.ts';
import type { Effect, EpochReason, Ref, ReleaseKind, RequestKind } from '../domain/facts.ts';
import type { Outcome } from '../domain/rotation.ts';

export interface Copy {
  readonly backend: string;
  readonly path: string;
}

export interface Demand {
  readonly consumer: string;
  readonly demand: EvidenceKind;
  readonly kind: 'service' | 'job';
  readonly deadline: number;
}

/** What was missing of GATE 3 when somebody released it. */
export interface Waived {
  readonly consumer: string;
  readonly instance: string | null;
}

/**
 * Every kind of event that a projection reads, and its body. A body holds all that the projection needs beside the
 * event's own columns (at, actor, credential, version, epoch, incident), so that events alone rebuild everything.
 */
export interface EventBodies {
  'ledger.restored': { readonly why: string };
  'ledger.reconciled': Nothing;
  'inventory.applied': { readonly n: number; readonly targets: unknown; readonly teams: readonly string[] };
  'entry.added': { readonly entry: Entry };
  'entry.changed': { readonly entry: Entry; readonly dueAt: number | null };
  'entry.renamed': { readonly from: string };
  'entry.retired': Nothing;
  /** `dueAt`: only where none of its versions may stay current. */
  'entry.returned': { readonly entry: Entry; readonly dueAt?: number };
  'entry.released': { readonly who: string };
  'demand.added': Demand;
  'rotation.started': { readonly run: string; readonly reason: string };
  'rotation.ended': {
    readonly run: string;
    readonly outcome: Outcome;
    readonly why: string | null;
    readonly attempts: number;
    readonly nextAttemptAt: number | null;
  };
  'version.planned': {
    readonly target: string;
    readonly as: 'pending' | 'standby' | 'drill';
    readonly baseline: unknown;
    readonly expiresAt: number | null;
  };
  'intent.made': { readonly effect: Effect; readonly place: string; readonly ref: Ref | null; readonly until: number };
  'intent.ended': {
    readonly effect: Effect;
    readonly place: string;
    readonly outcome: 'done' | 'failed';
    readonly why: string | null;
  };
  'version.issued': {
    readonly ref: Ref;
    readonly fingerprint: string;
    readonly expiresAt: number | null;
    readonly copies: readonly Copy[];
  };
  'version.staged': Copy;
  'version.spent': { readonly why: string };
  'version.refused': { readonly why: string };
  /** `at`: when a killer outside saw it; without it, when it was written. */
  'ref.seen': { readonly ref: Ref; readonly at?: number };
  'version.extended': { readonly expiresAt: number };
  'version.imported': {
    readonly target: string;
    readonly ref: Ref | null;
    readonly fingerprint: string;
    readonly expiresAt: number | null;
    readonly copies: readonly Copy[];
    readonly current: boolean;
  };
  'promotion.decided': {
    readonly version: string;
    readonly why: EpochReason;
    readonly run: string | null;
    readonly demands: readonly Demand[];
    readonly backends: readonly string[];
    /** Undefined-as-null: this decision leaves the due date as it is. */
    readonly honoursDue: { readonly dueAt: number } | null;
    /** Of one that comes back, where its end is near: due by then, in place of the due date, and nothing is honoured. */
    readonly dueBy?: number;
  };
  'promotion.shown': Copy;
  'instance.registered': {
    readonly consumer: string;
    readonly instance: string;
    readonly boot: string;
    readonly replaces: string | null;
  };
  'instance.left': {
    readonly consumer: string;
    readonly instance: string;
    readonly boot: string;
    readonly how: 'deregistered' | 'platform';
  };
  'evidence.recorded': {
    readonly consumer: string;
    readonly instance: string | null;
    readonly kind: EvidenceKind;
    readonly why: string | null;
  };
  'evidence.withdrawn': {
    readonly consumer: string;
    readonly instance: string;
    readonly what: 'fell-back' | 'refused';
    readonly fellBackTo: string | null;
  };
  'demand.waived': {
    readonly consumer: string;
    readonly instance: string | null;
    readonly who: string;
    readonly why: string;
  };
  'revoke.authorised': Nothing;
  'revoke.unauthorised': { readonly why: string };
  'revoke.began': Nothing;
  'version.suspended': Nothing;
  'version.resumed': Nothing;
  'version.probed': { readonly answer: 'refused' | 'accepted' };
  /** An incident killed it: these refs are revoked, whether or not they were known. */
  'version.contained': { readonly at: number; readonly refs: readonly Ref[] };
  /** `at`: when a killer outside proved it; without it, when it was written. */
  'version.dead': { readonly grade: 'refused' | 'absent'; readonly at?: number };
  'version.destroyed': { readonly backend: string };
  'version.released': { readonly who: string; readonly why: string };
  'debt.moved': Nothing;
  'request.made': {
    readonly kind: RequestKind;
    readonly version: string | null;
    readonly release: ReleaseKind | null;
    readonly who: string;
    readonly why: string;
    readonly waived: readonly Waived[] | null;
  };
  'request.closed': {
    readonly request: string;
    readonly how: 'honoured' | 'withdrawn' | 'lapsed';
    readonly who: string;
    readonly why: string;
  };
  'alarm.raised': { readonly key: string; readonly text: string; readonly page: boolean };
  'alarm.cured': { readonly key: string };
  'alarm.reminded': { readonly key: string; readonly count: number; readonly nextAt: number };
  'key.ignored': { readonly target: string; readonly ref: Ref; readonly who: string; readonly why: string };
  /** `versions` is the first part; every part has a `version.compromised` each. Ledgers from before parts have who and why alone. */
  'incident.declared': {
    readonly versions: readonly string[];
    readonly who: string;
    readonly why: string;
    readonly declaredAt?: number;
    readonly scope?: string;
    readonly drill?: boolean;
  };
  'version.compromised': { readonly why: string };
  'incident.closed': { readonly who: string; readonly why?: string };
}

type Nothing = Readonly<Record<string, never>>;

export type EventKind = keyof EventBodies;

/** One event of one kind, as projections read it. */
export interface EventOf<Kind extends EventKind> {
  readonly n: number;
  readonly at: number;
  readonly actor: string;
  readonly kind: Kind;
  readonly credential: string | null;
  readonly version: string | null;
  readonly epoch: number | null;
  readonly incident: string | null;
  readonly body: EventBodies[Kind];
}
