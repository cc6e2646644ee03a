import type { ZodType } from 'zod';
import type { Ref } from '../domain/facts.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { KeyAdvice } from '../domain/key-advice.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';

/** Counts up when an adapter that kept this contract would no longer keep it. */
export type ProviderContract = 1;

/**
 * The provider contract: makes versions at one kind of third party, and kills them. An adapter is a function that
 * returns this object; it does one thing per call and decides nothing: the order of steps, retries and debts belong to
 * the workflows. The comments here are part of the contract and `conformance/provider-suite.ts` tests them.
 *
 * Errors: every operation throws `KeybatonError` only. Unreachable is UNAVAILABLE; a refused *admin* credential is
 * ACCESS_DENIED; an effect that may have happened is AMBIGUOUS; neither is ever an answer such as "absent" or
 * `refused`. No error may hold material.
 */
export interface Provider<Settings> {
  /** The version of this contract that the adapter was written for. One from outside must say it, or no process starts with it. */
  readonly contract?: ProviderContract;
  /** For logs and metrics; nothing switches on it. */
  readonly name: string;
  /** What an entry of targets.yml must say under `settings`. Holds no secret. */
  readonly settingsSchema: ZodType<Settings>;
  /** Names of the material's fields, and the one that is *the value*. */
  readonly material: MaterialShape;
  traits(settings: Settings): Traits;
  /** For `keybaton advise`. Pure; only what the vendor documents, and never a value. Left out: nothing is said of its keys. */
  advice?(settings: Settings): KeyAdvice;

  /**
   * May a rotation start? Checks settings, the admin credential's permission, and room for one more version beside
   * `keep`. No side effect. CAPACITY_EXHAUSTED when no slot or quota is free, ACCESS_DENIED, INVALID_CONFIG.
   * Answers where the version will be made (`place`) and the list-diff baseline.
   */
  preflight(target: Target<Settings>, request: PreflightRequest, call: Call): Promise<Baseline>;

  /**
   * Makes the one credential of this version id. The same id again gives the same credential, or revokes every earlier
   * one first. Where `generate` exists the request carries its material, and only that value is ever set.
   * Checks `call.deadline` right before sending. AMBIGUOUS when the effect may have happened. On a slot: CONFLICT when
   * the slot's mark is not `request.replaces` nor this version's own; on its own tombstone it does nothing and throws CONFLICT.
   */
  issue?(target: Target<Settings>, request: IssueRequest, call: Call): Promise<Issued>;

  /** Uses the material for something harmless. `forbidden` means alive but not permitted. A network failure throws. */
  verify(target: Target<Settings>, material: SecretMaterial, call: Call): Promise<Verdict>;

  /**
   * Makes this generation stop working for ever and ends what it holds open. Needs only `ref`. Already gone, or another
   * generation *of ours* in the slot, is success; a slot without any mark of ours is CONFLICT (cannot tell).
   */
  revoke(target: Target<Settings>, ref: Ref, call: Call): Promise<void>;

  /** Every live credential on this target, ours or not, all pages. Disabled ones are listed with `disabled`. */
  list(target: Target<Settings>, call: Call): Promise<readonly LiveCredential[]>;

  /**
   * Where *we* choose value and ref: makes both from the version id, the place and `random`. Pure. Its presence tells
   * the activity the order: stage first, then tell the provider.
   */
  generate?(target: Target<Settings>, request: GenerateRequest): GeneratedVersion;
  /** `value-recoverable`: the provider shows the value of a ref again. NOT_FOUND when it is gone. */
  recover?(target: Target<Settings>, ref: Ref, call: Call): Promise<SecretMaterial>;
  /** A reversible revoke; compares the mark first; again is success. Both or neither of suspend and resume. */
  suspend?(target: Target<Settings>, ref: Ref, call: Call): Promise<void>;
  resume?(target: Target<Settings>, ref: Ref, call: Call): Promise<void>;
  /** The last use of a ref. Throws where it cannot tell now; never answers "unused" for an error. */
  usage?(target: Target<Settings>, ref: Ref, call: Call): Promise<Usage>;
  /**
   * Operator-supplied: finds the one listed credential this material belongs to that `known` does not name, checks the
   * organisation, tags it with the version id. VERIFICATION_FAILED when none or several match. Again is success.
   */
  adopt?(target: Target<Settings>, request: AdoptRequest, call: Call): Promise<Issued>;
  /**
   * Operator-supplied: would `adopt` take this value, as far as can be asked without an effect? Asked where it is pasted, before
   * it is stored. VERIFICATION_FAILED for a shape, an organisation or a key that it would not take; a value that is refused
   * still is no reason, since it may be new.
   */
  examine?(target: Target<Settings>, request: ExamineRequest, call: Call): Promise<void>;
  /** Operator-supplied: what the person does, step by step, on one line, to make the key of this version. No secret. */
  supplySteps?(target: Target<Settings>, version: VersionId): string;
  /** Ends what the ref holds open. Already none is success. */
  endSessions?(target: Target<Settings>, ref: Ref, call: Call): Promise<void>;
  /** Moves a provider-side expiry to `expiresAt` (epoch milliseconds). */
  extend?(target: Target<Settings>, ref: Ref, expiresAt: number, call: Call): Promise<void>;
  /**
   * What the admin credential may do beyond what this adapter needs, one phrase each; empty: nothing. Only reads. UNSUPPORTED
   * where the rest cannot be asked: never an empty answer for what the provider does not tell.
   */
  excess?(target: Target<Settings>, call: Call): Promise<readonly string[]>;
  /**
   * What ends many keys at once, ours or not, under the name that a person says. No rotation, containment or clean-up ever
   * pulls one: only a person's own command does.
   */
  killSwitches?: Readonly<Record<string, KillSwitch<Settings>>>;
  /** Text for the person at 3 a.m.: console address, key id and the exact command that kills this ref without keybaton. No secret. */
  killByHand(target: Target<Settings>, ref: Ref): string;
}

/** Where versions are made: an entry of targets.yml, with its admin credential read at the moment of use. */
export interface Target<Settings> {
  readonly name: string;
  readonly environment: string;
  /** Ours; part of every tag and mark, so that two installations never touch each other's keys. `[a-z0-9]{4,12}`. */
  readonly installation: string;
  readonly settings: Settings;
  /** Reads the admin credential. Throws ACCESS_DENIED or NOT_FOUND naming the reference, never its content. */
  admin(): Promise<SecretMaterial>;
}

export interface Call {
  readonly signal: AbortSignal;
  /** Absolute, epoch milliseconds by `now`: after it nothing with an effect may be sent any more. */
  readonly deadline: number;
  now(): number;
  /**
   * Somebody may be using what this call ends: only what kills is sent. What an adapter would remove besides (an account
   * made for one version) stays until the same ref is revoked once more without it, which is success and does the rest.
   * Unsaid: there is time for all of it.
   */
  readonly urgent?: true;
  /** Cryptographic randomness, injected. */
  random(bytes: number): Uint8Array;
}

export interface MaterialShape {
  readonly fields: readonly string[];
  readonly value: string;
  /** What a pasted or found value must look like, where the vendor documents it. */
  readonly pattern?: RegExp;
}

export type Topology = 'n-keys' | 'dual-slot' | 'single-slot' | 'operator-supplied' | 'dynamic';
export type CreateIdempotency = 'client-id' | 'value-recoverable' | 'tag-search' | 'list-diff' | 'slot-overwrite';

/** What a target can do. All times in milliseconds. */
export interface Traits {
  readonly topology: Topology;
  /** Undefined: no limit known. */
  readonly maxLive: number | undefined;
  readonly createIdempotency: CreateIdempotency;
  /** How long a new version may still be refused. */
  readonly createSpread: number;
  /** How long a revoked version may still be accepted. */
  readonly revokeSpread: number;
  /** How long after its deadline a create may still appear. */
  readonly lateCreate: number;
  /** The adapter's own time-out for one call; below the activity's 20 s. */
  readonly callTimeout: number;
  /** The last-use signal, if any, and how far behind it runs. */
  readonly usage: { readonly kind: UsageKind; readonly lag: number } | undefined;
  /** Are keys found by our tag or mark? Without it the target belongs to one credential. */
  readonly tagged: boolean;
  /**
   * `false`: the vendor lists no keys. Then `list` asks only whether the admin credential is accepted and answers nothing, and
   * what it does not show is no proof; `revoke` is UNSUPPORTED, a person kills, and the refusal check alone sees it.
   */
  readonly lists?: false;
  /** Does the provider end a version by itself after an expiry we choose? */
  readonly expiry: boolean;
}

export interface KillSwitch<Settings> {
  /** What dies, on one line, for people. */
  readonly kills: string;
  /** What a person does to take it back, on one line; undefined: nothing can. No secret. */
  undo(target: Target<Settings>): string | undefined;
  /** What it would end now. Only reads. */
  reach(target: Target<Settings>, call: Call): Promise<KillReach>;
  /** Ends all of it. Pulled already is success. AMBIGUOUS when some of it may have happened: pulled again it ends the rest. */
  pull(target: Target<Settings>, call: Call): Promise<void>;
}

export interface KillReach {
  /** There is nothing left of it to end. */
  readonly pulled: boolean;
  readonly keys: readonly LiveCredential[];
}

export interface PreflightRequest {
  readonly credential: CredentialId;
  readonly version: VersionId;
  /** Refs of ours that must stay as they are. A slot that holds one is not free. */
  readonly keep: readonly Ref[];
  /** Refs proved dead or that may be issued over: their slots are free. */
  readonly free: readonly Ref[];
}

/** Plain JSON, recorded in the ledger before anything is made. */
export interface Baseline {
  /** Slot, account or project in which the version will be made; handed back in the issue request. */
  readonly place: string;
  /** The mark that stands in the slot now, to be compared when issuing; undefined where there is none. */
  readonly replaces?: string;
  /** Ids of everything live on the target, for list-diff, strays and unmanaged keys. */
  readonly live: readonly string[];
  /** The provider's clock where it shows one, else ours: epoch milliseconds. */
  readonly at: number;
}

export interface GenerateRequest {
  readonly version: VersionId;
  readonly place: string;
  random(bytes: number): Uint8Array;
}

export interface GeneratedVersion {
  readonly ref: Ref;
  readonly material: SecretMaterial;
}

export interface IssueRequest {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly place: string;
  readonly replaces?: string;
  /** From `generate`, already staged. */
  readonly generated?: GeneratedVersion;
  /** Epoch milliseconds; only where `traits.expiry`. */
  readonly expiresAt?: number;
}

export interface Issued {
  readonly ref: Ref;
  readonly material: SecretMaterial;
  readonly expiresAt?: number;
}

export interface ExamineRequest {
  /** The version that waits for a value; undefined: none is planned yet. */
  readonly version: VersionId | undefined;
  readonly material: SecretMaterial;
  readonly known: readonly Ref[];
}

export interface AdoptRequest extends ExamineRequest {
  readonly credential: CredentialId;
  readonly version: VersionId;
}

export type Verdict = 'accepted' | 'forbidden' | 'refused';

export interface LiveCredential {
  readonly ref: Ref;
  /** Ours, when the tag or mark says so. */
  readonly tag?: { readonly installation: string; readonly version: string };
  readonly disabled: boolean;
  /** Epoch milliseconds. */
  readonly createdAt?: number;
  /** What the provider shows of it: a name, a masked end. Never the value. */
  readonly hint?: string;
}

export type UsageKind = 'timestamp' | 'counter' | 'sample';

/** One reading. `timestamp`: lastUsedAt (undefined = never). `counter`: count. `sample`: sessions open now. */
export interface Usage {
  readonly kind: UsageKind;
  readonly lastUsedAt?: number;
  readonly count?: number;
  readonly sessions?: number;
}

/** Used by the registries: the settings' type is known only inside. Give it only settings that its own `settingsSchema` has parsed. */
export type AnyProvider = Provider<unknown>;
export type ProviderFactory = () => AnyProvider;
