import type { Entry } from '../domain/entry.ts';
import type {
  CredentialFacts,
  Effect,
  EpochReason,
  EvidenceFacts,
  Ref,
  RequestFacts,
  SilenceFacts,
} from '../domain/facts.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { Outcome } from '../domain/rotation.ts';
import type { IncidentLedger } from './incident-ledger.ts';
import type { SweepLedger } from './sweep-ledger.ts';
import type {
  Alarm,
  AppliedInventory,
  ApplyInventory,
  AuthoriseRevoke,
  ImportVersion,
  IntendEffect,
  IssuedVersion,
  LedgerEvent,
  MakeRequest,
  PlanVersion,
  ProveUse,
  TargetRef,
} from './ledger-shapes.ts';

export type * from './ledger-shapes.ts';
export type * from './incident-ledger.ts';
export type * from './kill-sheet-shapes.ts';
export type * from './sweep-ledger.ts';

/**
 * The ledger: our own append-only, hash-chained record of facts and requests, and projections of it written in the
 * same transaction. Every method below is one transaction: it locks the credential's row first (several in id order),
 * the chain's head last, checks what must still hold, appends events, projects them.
 *
 * Natural keys make events that can happen once idempotent: the same content again is no change and answers as the first
 * time; other content (kind, ref or result; never times) is CONFLICT. Times are the ledger's own clock, epoch
 * milliseconds. Unreachable or locked is UNAVAILABLE, full is
 * CAPACITY_EXHAUSTED, and nothing was written. A commit whose fate cannot be learned is AMBIGUOUS: the same call again is safe.
 */
export interface Ledger extends IncidentLedger, SweepLedger {
  /** The ledger's clock, in epoch milliseconds. */
  clock(): Promise<number>;
  /** A fixed, random name of this installation, made with the ledger: part of every tag and mark. `[a-z0-9]{8}`. */
  installation(): Promise<string>;
  close(): Promise<void>;

  // --- what should be -------------------------------------------------------------------------------------------
  /** Makes these entries, of these teams, the inventory: adds, changes, renames (`movedFrom`; a former name finds it still), retires what is missing. ACCESS_DENIED for another team's entry; CONFLICT when a rotation of a renamed credential is running. */
  applyInventory(input: ApplyInventory): Promise<AppliedInventory>;
  /** The entries now managed or retiring, with targets as applied; for diffs and pages. */
  inventory(): Promise<{
    readonly n: number;
    readonly entries: readonly Entry[];
    readonly retiring: readonly CredentialId[];
    readonly targets: unknown;
  }>;

  // --- reading --------------------------------------------------------------------------------------------------
  /** NOT_FOUND when the ledger has never heard of it. */
  facts(credential: CredentialId): Promise<CredentialFacts>;
  /** One page in id order; `after` is the last id of the page before. */
  list(page: { readonly after?: CredentialId; readonly limit: number }): Promise<readonly CredentialFacts[]>;
  /** Which version, of which credential, has this fingerprint? Dead ones too. */
  findFingerprint(
    fingerprint: string,
  ): Promise<{ readonly credential: CredentialId; readonly version: VersionId } | undefined>;
  credentialOf(version: VersionId): Promise<CredentialId>;
  /** Every ref any version of any credential on this target ever had, for adopt, strays and slots. */
  refsOfTarget(target: string): Promise<readonly TargetRef[]>;
  /** Newest last. With `afterN` the first `limit` events after it, without it the last `limit`. Follows a rename. */
  history(filter: {
    readonly credential?: CredentialId;
    readonly afterN?: number;
    readonly limit: number;
  }): Promise<readonly LedgerEvent[]>;
  openAlarms(credential?: CredentialId): Promise<readonly Alarm[]>;

  // --- a run ----------------------------------------------------------------------------------------------------
  /**
   * Opens a run. CONFLICT when a run is open of an entry that this one must be kept apart from, whichever names the other. An older
   * open run of this credential (its workflow was terminated) is closed as `failed` in the same transaction. Answers
   * `created: false` when this run is open already, and with `ended` when it has ended (the answer to its end was lost).
   */
  startRun(input: {
    readonly credential: CredentialId;
    readonly run: string;
    readonly reason: string;
    readonly actor: string;
  }): Promise<{ readonly created: boolean; readonly ended?: Outcome }>;
  /**
   * Closes a run. `again` when it ends as `rotated`, `rolled-back`, `indebted` or `nothing` and an open `rotate` or `rollBack`, or
   * a due date reopened meanwhile, asks for another pass: then it stays open and nothing is written. `failed`, and `discarded`
   * after a version was refused or spent, count an attempt and set the next one (a request stays open); others reset it.
   */
  endRun(input: {
    readonly credential: CredentialId;
    readonly run: string;
    readonly outcome: Outcome;
    readonly why?: string;
  }): Promise<{ readonly again: boolean }>;

  // --- versions -------------------------------------------------------------------------------------------------
  /** Plans a new version. One pending version per credential: CONFLICT when another pending one is neither spent nor doomed. */
  planVersion(input: PlanVersion): Promise<void>;
  /**
   * Before an effect: what, where, and until when it may still appear. A repeat moves `until` forward, never back. CONFLICT for
   * issue, stage, promote, resume of a spent, dead or (stage apart) compromised version; promote of any but the newest epoch;
   * suspend or destroy of the current one; revoke of one that was ever current and is neither authorised nor compromised; suspend
   * of one that `authorise` would refuse; destroy of one that is not dead while an open incident names it.
   */
  intend(input: IntendEffect): Promise<{ readonly until: number }>;
  /** After an effect that has no transaction of its own below. */
  outcome(input: {
    readonly version: VersionId;
    readonly effect: Effect;
    readonly place: string;
    readonly epoch?: number;
    readonly outcome: 'done' | 'failed';
    readonly why?: string;
  }): Promise<void>;
  /** Issue outcome, refs, staged copies and the proof key Kv (encrypted before it comes here) in one transaction. Never refused for the version's fate. A repeat may add copies in further backends and paths. */
  issued(input: IssuedVersion): Promise<void>;
  /** This id is never used again: its create call may or may not have happened. It is doomed at once. */
  spent(input: { readonly version: VersionId; readonly why: string }): Promise<void>;
  /** The provider refused it after its spread window: doomed if never current, an alarm otherwise. */
  refused(input: { readonly version: VersionId; readonly why: string }): Promise<void>;
  /** A ref seen at the provider under this version's tag (late create, twin). A dead version is owed again. */
  refSeen(input: { readonly version: VersionId; readonly ref: Ref }): Promise<void>;
  /** The provider ends it by itself at `expiresAt`. */
  extended(input: { readonly version: VersionId; readonly expiresAt: number }): Promise<void>;
  /** Brings an existing key under management as epoch 1 (or a new version): no ref means only a person can kill it. */
  importVersion(input: ImportVersion): Promise<void>;

  // --- promoting ------------------------------------------------------------------------------------------------
  /**
   * Decides which version consumers should use: epoch + 1, demands copied from the entry, this version current, all
   * others doomed (standbys apart), intents for every backend, and honours the roll-back; a version that was never current honours
   * every open `rotate` and the due date too; one that comes back leaves them, but for rotates asked before its roll-back.
   * Repeating for the newest epoch's version answers that epoch. CONFLICT when the version is compromised, refused, spent, dead,
   * authorised, doomed by another decision, not issued; when `expectedEpoch` is no longer the newest; or when it is not the
   * version an open roll-back names (one whose version is refused, compromised or dead lapses by itself; a `survivor`
   * of a lost newest version is not stopped by it).
   */
  decide(input: {
    readonly credential: CredentialId;
    readonly version: VersionId;
    readonly expectedEpoch: number;
    readonly why: EpochReason;
    readonly run: string;
    /** A backend shows this epoch, and this ledger has lost its decision: the new one is later, also for the same version. */
    readonly above?: number;
  }): Promise<{ readonly epoch: number }>;
  /** A backend now shows this version at this epoch (proved by `describe`). */
  promoted(input: {
    readonly version: VersionId;
    readonly epoch: number;
    readonly backend: string;
    readonly path: string;
  }): Promise<void>;

  // --- evidence -------------------------------------------------------------------------------------------------
  evidence(credential: CredentialId): Promise<EvidenceFacts>;
  /** Consumers can reach us now, and this is said again each `every` milliseconds. A lease that runs out while nobody says so runs on. */
  served(input: { readonly every: number }): Promise<void>;
  /** Registers an instance, or renews its lease. The same name with another boot while the lease runs: CONFLICT. Unknown consumer: NOT_FOUND. */
  beat(input: {
    readonly credential: CredentialId;
    readonly consumer: string;
    readonly instance: string;
    readonly boot: string;
    /** milliseconds */ readonly lease: number;
  }): Promise<{ readonly leaseUntil: number }>;
  leave(input: {
    readonly credential: CredentialId;
    readonly consumer: string;
    readonly instance: string;
    readonly how: 'deregistered' | 'platform';
  }): Promise<void>;
  /**
   * Records evidence for the newest epoch, idempotent on (epoch, consumer, instance, kind). CONFLICT for an older epoch.
   * `missing` is what lines 3 still lacks after it; the caller reaching zero sends `wake`.
   */
  prove(input: ProveUse): Promise<{ readonly missing: number }>;
  /** An instance fell back to an older version or was refused: withdraws its evidence of this epoch, and its consumer's as a whole. */
  withdraw(input: {
    readonly credential: CredentialId;
    readonly epoch: number;
    readonly consumer: string;
    readonly instance: string;
    readonly what: 'fell-back' | 'refused';
    readonly version?: VersionId;
  }): Promise<void>;
  /** Removes a demand from the open epoch by name. */
  waive(input: {
    readonly credential: CredentialId;
    readonly epoch: number;
    readonly consumer: string;
    readonly instance?: string;
    readonly who: string;
    readonly why: string;
  }): Promise<void>;
  /** The encrypted proof key of a version. NOT_FOUND when there is none. */
  proofKey(version: VersionId): Promise<Uint8Array>;

  // --- watching (overwritten, outside the chain) ------------------------------------------------------------------
  watch(version: VersionId, reading: SilenceFacts): Promise<void>;
  watched(version: VersionId): Promise<SilenceFacts | undefined>;
  /** We used the version ourselves (a forced probe): its window starts again. */
  ownProbe(version: VersionId): Promise<void>;
  /** Versions of a target that GATE 4 waits for: doomed, or a retiring entry's last; ever current, alive, of a decided epoch. */
  toWatch(
    target: string,
  ): Promise<readonly { readonly credential: CredentialId; readonly version: VersionId; readonly ref: Ref }[]>;

  // --- killing --------------------------------------------------------------------------------------------------
  /**
   * GATE 5: re-reads in one transaction, on the credential's row, newest epoch, evidence, silence and open requests
   * (pause, freeze, rollBack). CONFLICT with what is missing otherwise. After it those requests are refused for this version.
   * `compromised` versions, and those never decided, need no evidence.
   */
  authorise(input: AuthoriseRevoke): Promise<void>;
  /** Takes the authorisation back while the kill has not begun. CONFLICT when it has. */
  withdrawAuthorisation(input: { readonly version: VersionId; readonly why: string }): Promise<void>;
  /** The provider shows that the kill began: from here only forward. */
  killBegan(input: { readonly version: VersionId }): Promise<void>;
  suspended(input: { readonly version: VersionId; readonly epoch: number }): Promise<void>;
  resumed(input: { readonly version: VersionId; readonly epoch: number }): Promise<void>;
  /** One refusal seen (with an accepted control call), or `accepted`, which starts the count anew. */
  probed(input: {
    readonly version: VersionId;
    readonly answer: 'refused' | 'accepted';
  }): Promise<{ readonly count: number; readonly firstAt: number }>;
  /** Outcome, refs gone and fate in one transaction. `absent`: stays doomed until `refused`, or until every copy is destroyed. */
  dead(input: { readonly version: VersionId; readonly grade: 'refused' | 'absent' }): Promise<void>;
  /** Every copy in this backend is erased. */
  destroyed(input: { readonly version: VersionId; readonly backend: string }): Promise<void>;
  debtMoved(input: { readonly version: VersionId }): Promise<void>;

  // --- people ---------------------------------------------------------------------------------------------------
  /**
   * A request, checked in this transaction that it is still possible: rollBack names an earlier version that is neither
   * compromised nor dead nor authorised to die; pause, freeze and rollBack are refused (CONFLICT) once the doomed version they
   * would save is authorised. A second pause is the first. Without a credential: freeze of everything.
   */
  request(input: MakeRequest): Promise<RequestFacts>;
  /** Ends a pause or freeze, or takes a request back. */
  withdrawRequest(input: { readonly id: string; readonly who: string; readonly why: string }): Promise<void>;
  /** Raises an alarm once per key (`held/<epoch>`, ...); again only changes its text. */
  alarm(input: {
    readonly credential: CredentialId;
    readonly key: string;
    readonly text: string;
    readonly page: boolean;
  }): Promise<void>;
  /** Cures every open alarm of the credential whose key starts so. */
  cure(input: { readonly credential: CredentialId; readonly keyPrefix: string }): Promise<void>;
  /** A plain event with no projection (notices, denials, doctor runs). Never holds a secret. */
  note(input: {
    readonly kind: string;
    readonly credential?: CredentialId;
    readonly actor: string;
    readonly body: Readonly<Record<string, unknown>>;
  }): Promise<void>;

  // --- trust ----------------------------------------------------------------------------------------------------
  /** A person has read `reconcile` of a restored or cloned ledger: it acts again. No change when it does already. */
  reconciled(input: { readonly who: string }): Promise<void>;
  /** Re-computes the whole chain. */
  verifyChain(): Promise<{
    readonly events: number;
    readonly head: string;
    readonly broken: readonly { readonly n: number; readonly why: string }[];
  }>;
  /** Drops the projections and makes them again from events; watch readings, leases and proof keys stay as they are. */
  rebuild(): Promise<void>;
  /** Every projection as plain rows in a fixed order, to compare before and after `rebuild`. */
  dump(): Promise<Readonly<Record<string, readonly unknown[]>>>;
}
