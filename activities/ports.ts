import type { Backend, Place } from '../backends/backend.ts';
import type { Entry } from '../domain/entry.ts';
import type { Ref } from '../domain/facts.ts';
import type { RateLimit } from '../domain/incident.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import type { Observed, ObservedVersion } from '../evidence/observed-reads.ts';
import type { Cluster } from '../evidence/rollout-cluster.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type {
  AdoptRequest,
  Baseline,
  Call,
  ExamineRequest,
  GeneratedVersion,
  GenerateRequest,
  Issued,
  IssueRequest,
  KillReach,
  LiveCredential,
  MaterialShape,
  PreflightRequest,
  Traits,
  Usage,
  Verdict,
} from '../providers/provider.ts';

/** What keybaton does at a target to see that an admin credential works there. */
export interface OwnWork {
  readonly target: string;
  readonly credential: CredentialId;
  /** A key of ours that is proved dead: to revoke it again is no change. Undefined: there is none. */
  readonly dead: Ref | undefined;
}

/** What effects need; clock and randomness are injected, so that a simulation can own both. */
export interface ActivityPorts {
  readonly ledger: Ledger;
  /** The target as last applied, bound to its adapter. NOT_FOUND, INVALID_CONFIG. */
  provider(target: string): Promise<BoundProvider>;
  backend(name: string): Promise<Backend>;
  readonly keys: Keys;
  readonly workflows: Workflows;
  /**
   * Works at a target with an admin credential that keybaton rotates, as its backend shows it now, and with no other: lists the
   * keys, and revokes this dead one again. Answers what was used. A process without it works at none.
   */
  readonly workAs?: (work: OwnWork, signal: AbortSignal) => Promise<SecretMaterial>;
  /** Is it the admin credential of any target? As applied a moment ago. A process without it knows of none. */
  readonly opensTargets?: (credential: CredentialId) => Promise<boolean>;
  /** Readings as evidence; a process without it looks up none. */
  readonly readings?: Readings;
  /** Clusters of targets.yml, where consumers run; a process without it reaches none. NOT_FOUND. */
  readonly clusters?: (name: string) => Promise<Cluster>;
  now(): number;
  random(bytes: number): Uint8Array;
  /** Resolves after this long, or at once when `signal` aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/**
 * Who has read a version out of a backend that keeps a record of it. INVALID_CONFIG where it keeps none, UNAVAILABLE while a
 * long record is still being read: the next call goes on from there.
 */
export type Readings = (
  backend: string,
  about: ObservedVersion & { readonly credential: CredentialId; readonly epoch: number },
  signal: AbortSignal,
) => Promise<Observed>;

export interface Keys {
  fingerprint(provider: string, material: SecretMaterial): string;
  /** Kv of this value and version, encrypted for the ledger. */
  sealedProofKey(version: VersionId, material: SecretMaterial): Uint8Array;
}

/** Other workflows, started or woken through the client. Starting one that runs is no error. */
export interface Workflows {
  watchTarget(target: string): Promise<void>;
  settleDebt(credential: CredentialId, version: VersionId): Promise<void>;
  wakeRotation(credential: CredentialId): Promise<void>;
}

export interface BoundKillSwitch {
  readonly kills: string;
  readonly undo: string | undefined;
  reach(call: Call): Promise<KillReach>;
  pull(call: Call): Promise<void>;
}

/** An adapter with its target filled in: what is left is the request and the call. */
export interface BoundProvider {
  readonly name: string;
  readonly target: string;
  readonly installation: string;
  readonly material: MaterialShape;
  readonly traits: Traits;
  /** What its provider bears, where targets.yml says so. */
  readonly rate?: RateLimit;
  /** With two admin credentials: the same target with each of them alone, for who must know which works. */
  readonly alone?: { readonly admin: BoundProvider; readonly secondAdmin: BoundProvider };
  preflight(request: PreflightRequest, call: Call): Promise<Baseline>;
  verify(material: SecretMaterial, call: Call): Promise<Verdict>;
  revoke(ref: Ref, call: Call): Promise<void>;
  list(call: Call): Promise<readonly LiveCredential[]>;
  killByHand(ref: Ref): string;
  readonly issue: ((request: IssueRequest, call: Call) => Promise<Issued>) | undefined;
  readonly generate: ((request: GenerateRequest) => GeneratedVersion) | undefined;
  readonly recover: ((ref: Ref, call: Call) => Promise<SecretMaterial>) | undefined;
  readonly suspend: ((ref: Ref, call: Call) => Promise<void>) | undefined;
  readonly resume: ((ref: Ref, call: Call) => Promise<void>) | undefined;
  readonly usage: ((ref: Ref, call: Call) => Promise<Usage>) | undefined;
  readonly adopt: ((request: AdoptRequest, call: Call) => Promise<Issued>) | undefined;
  readonly examine: ((request: ExamineRequest, call: Call) => Promise<void>) | undefined;
  readonly killSwitches?: Readonly<Record<string, BoundKillSwitch>>;
  readonly supplySteps?: ((version: VersionId) => string) | undefined;
  readonly extend: ((ref: Ref, expiresAt: number, call: Call) => Promise<void>) | undefined;
  readonly excess?: ((call: Call) => Promise<readonly string[]>) | undefined;
}

export interface EntryPlace {
  readonly backend: Backend;
  readonly name: string;
  readonly place: Place;
}

/** The entry's backends in order, each with where this credential lives in it. */
export async function placesOf(ports: ActivityPorts, entry: Entry): Promise<readonly EntryPlace[]> {
  return Promise.all(
    entry.backends.map(async ({ backend, path, fields }) => ({
      backend: await ports.backend(backend),
      name: backend,
      place: { credential: entry.id, path, ...(fields === undefined ? {} : { fields }) },
    })),
  );
}
