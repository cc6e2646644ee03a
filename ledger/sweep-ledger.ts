import type { Ref } from '../domain/facts.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { KeptKey } from '../domain/reconcile.ts';
import type { SweepCandidate } from '../domain/sweep.ts';
import type { Alarm } from './ledger-shapes.ts';

/**
 * What a sweep asks of the ledger: rows that need attention, found by index, a page at a time. None of it loads the
 * facts of credentials that need nothing. Cursors are opaque; the first page has none.
 */
export interface SweepLedger {
  /** targets.yml as applied, alone: an inventory of a hundred thousand entries is not read for it. */
  appliedTargets(): Promise<unknown>;
  /** May this ledger act? False after a restore, until a person has read `reconcile`. */
  trusted(): Promise<boolean>;
  sweepPage(page: SweepPageQuery): Promise<SweepPage>;
  /** The same of these alone, as they are now; unknown ids are left out. */
  sweepCandidates(ids: readonly CredentialId[]): Promise<readonly SweepCandidate[]>;
  /** Runs open in the ledger that began before, in order of their credential. */
  openRuns(page: {
    readonly after?: CredentialId;
    readonly startedBefore: number;
    readonly limit: number;
  }): Promise<readonly { readonly credential: CredentialId; readonly run: string }[]>;
  /** Debts that have a workflow of their own, in order of their version. */
  openDebts(page: {
    readonly after?: VersionId;
    readonly limit: number;
  }): Promise<readonly { readonly credential: CredentialId; readonly version: VersionId }[]>;
  /** Credentials of which something was promoted and no run is open, in id order. */
  quietCredentials(page: { readonly after?: CredentialId; readonly limit: number }): Promise<readonly CredentialId[]>;
  /** Targets of versions that open incidents name; drills apart. */
  incidentTargets(): Promise<readonly string[]>;
  /** Targets that some version or managed entry names. */
  usedTargets(): Promise<readonly string[]>;

  /** Every version that was ever to be made at this target, for comparing with what lives there. */
  keysOfTarget(target: string): Promise<readonly KeptKey[]>;

  /** Open alarms in order of credential and key. */
  alarmPage(page: { readonly after?: AlarmName; readonly limit: number }): Promise<readonly StandingAlarm[]>;
  /** It was told again, for the `count`-th time. No change when it is cured, or was told so often already. */
  remindAlarm(input: AlarmName & { readonly count: number; readonly nextAt: number }): Promise<void>;

  /** What sweeps keep from one to the next, outside the chain: cursors and times. */
  remembered(key: string): Promise<string | undefined>;
  remember(key: string, value: string): Promise<void>;

  /**
   * Notes what was seen at a target now, outside the chain, and forgets what of this kind was not: so two sightings are
   * two answers of the provider, and nothing in between said otherwise. Answers when each was first seen.
   */
  sighted(input: {
    readonly target: string;
    readonly kind: SightingKind;
    readonly refs: readonly Ref[];
  }): Promise<readonly Sighting[]>;
  /** What was seen last of one kind, at every target. */
  sightings(kind: SightingKind): Promise<readonly (Sighting & { readonly target: string })[]>;
  /** A named person says that this key is none of keybaton's business. Again is no change. */
  ignoreKey(input: {
    readonly target: string;
    readonly ref: Ref;
    readonly who: string;
    readonly why: string;
  }): Promise<void>;
  ignoredKeys(target: string): Promise<readonly { readonly ref: Ref; readonly who: string; readonly why: string }[]>;
}

/**
 * `due`: the schedule asks, oldest first. `never`: nothing was ever promoted, oldest entry first. `attention`: asked,
 * leaked, owed, or without a tried spare version, and no run is open; in id order.
 */
export interface SweepPageQuery {
  readonly list: 'due' | 'never' | 'attention';
  readonly after?: string;
  readonly limit: number;
  /** Leaves out these targets; for `attention` none is left out. */
  readonly exceptTargets?: readonly string[];
  /** Spare versions tried before this are due for a check. */
  readonly standbyTriedBefore?: number;
}

export interface SweepPage {
  readonly candidates: readonly SweepCandidate[];
  /** Undefined: this was the last. */
  readonly next: string | undefined;
  readonly now: number;
}

export interface AlarmName {
  readonly credential: CredentialId;
  readonly key: string;
}

export interface StandingAlarm extends Alarm {
  /** How often it was told again. */
  readonly reminders: number;
  readonly nextAt: number;
}

export type SightingKind = 'stray' | 'vanished' | 'unmanaged';

export interface Sighting {
  readonly ref: Ref;
  readonly firstAt: number;
  readonly lastAt: number;
}
