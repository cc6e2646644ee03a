import type { Entry, EvidenceKind } from '../domain/entry.ts';
import type { Effect, Ref, ReleaseKind, RequestKind } from '../domain/facts.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';

export interface LedgerEvent {
  readonly n: number;
  readonly at: number;
  readonly actor: string;
  readonly kind: string;
  readonly credential: CredentialId | undefined;
  readonly version: VersionId | undefined;
  readonly epoch: number | undefined;
  readonly incident: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Alarm {
  readonly credential: CredentialId;
  readonly key: string;
  readonly text: string;
  readonly page: boolean;
  readonly raisedAt: number;
}

export interface ApplyInventory {
  readonly teams: readonly string[];
  readonly entries: readonly Entry[];
  /** targets.yml as checked: names, settings, references; no secret. Kept for readers and the kill sheet. */
  readonly targets: unknown;
  readonly actor: string;
  /** Only answer what would change. */
  readonly dryRun?: boolean;
  /** The number of the inventory that this one is to follow; CONFLICT when another was applied meanwhile. */
  readonly expected?: number;
}

export interface AppliedInventory {
  readonly n: number;
  readonly added: readonly CredentialId[];
  readonly changed: readonly CredentialId[];
  readonly renamed: readonly { readonly from: CredentialId; readonly to: CredentialId }[];
  readonly retired: readonly CredentialId[];
  readonly returned: readonly CredentialId[];
}

export interface PlanVersion {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly target: string;
  /** drill: doomed from birth, never wanted, never promoted; issued and staged like any other. */
  readonly as: 'pending' | 'standby' | 'drill';
  readonly baseline: {
    readonly place: string;
    readonly replaces?: string;
    readonly live: readonly string[];
    readonly at: number;
  };
  readonly expiresAt?: number;
}

export interface IssuedVersion {
  readonly version: VersionId;
  readonly ref: Ref;
  readonly fingerprint: string;
  readonly expiresAt?: number;
  readonly copies: readonly { readonly backend: string; readonly path: string }[];
  /** Kv, encrypted under a key derived from the installation key; outside the chain. */
  readonly proofKey: Uint8Array;
}

export interface ImportVersion extends Omit<IssuedVersion, 'ref'> {
  readonly credential: CredentialId;
  readonly target: string;
  /** Undefined with `--cannot-revoke`: visible for ever. */
  readonly ref: Ref | undefined;
  readonly who: string;
  /** It is what the backends show now: becomes epoch 1 (or the next) without a promotion. */
  readonly current: boolean;
}

export interface TargetRef {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly ref: Ref;
  readonly gone: boolean;
  readonly dead: boolean;
}

export interface MakeRequest {
  readonly kind: RequestKind;
  readonly credential?: CredentialId;
  readonly version?: VersionId;
  readonly release?: ReleaseKind;
  readonly who: string;
  readonly why: string;
}

export interface IntendEffect {
  readonly version: VersionId;
  readonly effect: Effect;
  readonly place: string;
  readonly epoch?: number;
  readonly ref?: Ref;
  /** milliseconds from the ledger's now */ readonly within: number;
  /** suspend: the provider has a last-use signal, so silence is asked for; unsaid counts as yes. */
  readonly signal?: boolean;
}

export interface ProveUse {
  readonly credential: CredentialId;
  readonly epoch: number;
  readonly consumer: string;
  readonly instance?: string;
  readonly kind: EvidenceKind;
  readonly actor: string;
  readonly why?: string;
}

export interface AuthoriseRevoke {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly epoch: number;
  /** the provider has a last-use signal, so silence is asked for */ readonly signal: boolean;
}
