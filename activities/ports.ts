import type { Backend, Place } from '../backends/backend.ts';
import type { Entry } from '../domain/entry.ts';
import type { Ref } from '../domain/facts.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type {
  AdoptRequest,
  Baseline,
  Call,
  GeneratedVersion,
  GenerateRequest,
  Issued,
  IssueRequest,
  LiveCredential,
  MaterialShape,
  PreflightRequest,
  Traits,
  Usage,
  Verdict,
} from '../providers/provider.ts';

/** What effects need; clock and randomness are injected, so that a simulation can own both. */
export interface ActivityPorts {
  readonly ledger: Ledger;
  /** The target as last applied, bound to its adapter. NOT_FOUND, INVALID_CONFIG. */
  provider(target: string): Promise<BoundProvider>;
  backend(name: string): Promise<Backend>;
  readonly keys: Keys;
  readonly workflows: Workflows;
  now(): number;
  random(bytes: number): Uint8Array;
  /** Resolves after this long, or at once when `signal` aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

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

/** An adapter with its target filled in: what is left is the request and the call. */
export interface BoundProvider {
  readonly name: string;
  readonly target: string;
  readonly installation: string;
  readonly material: MaterialShape;
  readonly traits: Traits;
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
