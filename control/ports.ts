import type { Entry } from '../domain/entry.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { RotationInput } from '../domain/rotation.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Escalation, RotationStatus } from '../workflows/messages.ts';

/** What operations need from the process they run in; implemented by `worker/`. */
export interface ControlPorts {
  readonly ledger: Ledger;
  readonly rotations: Rotations;
  readonly checks: Checks;
  /** Undefined in a process without the embedded vault (the API never reads any other). */
  readonly vault: EmbeddedVault | undefined;
  readonly proofKeys: ProofKeys;
  readonly supplies: Supplies;
  now(): number;
  random(bytes: number): Uint8Array;
}

/** People's only way to Temporal. UNAVAILABLE, naming the address, when it does not answer in time. */
export interface Rotations {
  /** Starts `rotation/<credential>`; `running` when one is running already. */
  start(input: RotationInput): Promise<'started' | 'running'>;
  /** Empty signal. Nobody running is no error. */
  wake(credential: CredentialId): Promise<void>;
  /** signalWithStart. */
  escalate(credential: CredentialId, escalation: Escalation): Promise<void>;
  /** Undefined when none is running. */
  status(credential: CredentialId): Promise<RotationStatus | undefined>;
  /** Round trip to the server in milliseconds. */
  ping(): Promise<number>;
}

/** One finding of `plan` or `doctor`. */
export interface Finding {
  readonly subject: string;
  readonly verdict: 'ok' | 'warning' | 'failure' | 'cannot tell';
  readonly text: string;
  /** What a person can do; undefined when nothing is to be done. */
  readonly remedy?: string;
}

export interface Checks {
  /** What a rotation would do and what would fail now. No side effect. */
  plan(credential: CredentialId): Promise<{ readonly steps: readonly string[]; readonly findings: readonly Finding[] }>;
  /** Temporal, ledger, backend write/read/destroy canary, every admin credential and its least privilege, clock skew. */
  doctor(): Promise<readonly Finding[]>;
  /** The same without what needs a credential of a provider or backend, saying of which host it speaks. */
  doctorHere?(): Promise<readonly Finding[]>;
  /** Backends of the applied targets that can only be written to: what they show is unknown until evidence. */
  writeOnly?(): Promise<ReadonlySet<string>>;
  /** What a consumer's own endpoint answers now; nothing is recorded. Undefined where this process cannot ask it. */
  endpoint?(
    credential: CredentialId,
    consumer: string,
  ): Promise<readonly { readonly instance: string; readonly version: VersionId; readonly epoch: number }[]>;
  /** Can these entries' targets and consumers show what the entries demand? One finding per entry that cannot. */
  demands(entries: readonly Entry[], targets: unknown): Promise<readonly Finding[]>;
}

export interface EmbeddedVault {
  /** What consumers read: our fields with version and epoch. NOT_FOUND when absent, or previous is destroyed. */
  read(
    credential: CredentialId,
    which: 'current' | 'previous',
  ): Promise<{ readonly version: VersionId; readonly epoch: number; readonly fields: SecretMaterial }>;
}

export interface ProofKeys {
  /** The decrypted Kv of a version. NOT_FOUND. */
  read(version: VersionId): Promise<Uint8Array>;
}

export interface Supplies {
  /** The command that does it on the host of a worker, where this process cannot stage; undefined, or not there: it can. */
  elsewhere?(credential: CredentialId): Promise<string | undefined>;
  /** Checks shape and "not a known fingerprint", stages create-only under the pending version of the credential. */
  supply(credential: CredentialId, value: SecretMaterial, actor: string): Promise<{ readonly version: VersionId }>;
  /** Brings an existing key under management: fingerprints and stages it; `ref` undefined needs `cannotRevoke`. */
  import(input: {
    readonly credential: CredentialId;
    readonly material: SecretMaterial;
    readonly refId: string | undefined;
    readonly cannotRevoke: boolean;
    readonly actor: string;
  }): Promise<{ readonly version: VersionId }>;
}
