import type { ZodType } from 'zod';
import type { KeybatonError } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';

/** Counts up when a backend that kept this contract would no longer keep it. */
export type BackendContract = 1;

/**
 * The backend contract: keeps versions where consumers read them, and decides nothing. Two places per credential: a
 * *staging* place that no consumer's policy can match, with one envelope {version, ref, material} per version until it
 * is destroyed; and the *main* place that consumers read, with our mapped fields, `keybaton_version` and
 * `keybaton_epoch` beside fields that are not ours. `conformance/backend-suite.ts` tests these comments.
 *
 * Errors: `KeybatonError` only. Unreachable or sealed is UNAVAILABLE, refused is ACCESS_DENIED, absent is NOT_FOUND and
 * nothing else is. A write whose answer was lost is AMBIGUOUS. No error may hold material.
 */
export interface Backend {
  /** For logs and metrics; nothing switches on it. */
  readonly name: string;
  /**
   * False for a write-only store: `read` throws UNSUPPORTED, `describe` answers `unknown`, `stage` only checks, and `promote`
   * is given the envelope.
   */
  readonly readable: boolean;

  /**
   * Stores a version's envelope, create-only, invisible to consumers. The same version and value again: no change.
   * The same version with another value: CONFLICT.
   */
  stage(place: Place, envelope: Envelope, call: BackendCall): Promise<void>;

  /**
   * Makes a staged version the one that consumers read, in one step and under compare-and-set: our fields rendered from
   * its envelope, fields not ours carried over from what stands there at this moment, marked with version and epoch.
   * CONFLICT if the stored epoch is higher, or equal with another version; or if what stands there is not ours
   * (a foreign value in a mapped field) and `overwriteForeign` is not set; or if it is ours and neither `expected` nor this version.
   * The same version and epoch again: no change. NOT_FOUND when the version is not staged.
   */
  promote(place: Place, promotion: Promotion, call: BackendCall): Promise<void>;

  /** A version's envelope, or what consumers read now. NOT_FOUND when absent; any other trouble is that trouble. */
  read(place: Place, which: VersionId | 'current', call: BackendCall): Promise<StoredVersion>;

  /** What stands in both places. Never material: in sync or not is compared inside. */
  describe(place: Place, call: BackendCall): Promise<Description>;

  /**
   * Erases every copy of one version's material (staged, and older generations of the main place). CONFLICT when it is
   * what consumers read now. Already gone is success.
   */
  destroy(place: Place, version: VersionId, call: BackendCall): Promise<void>;

  /**
   * What people keep at this path of the store, for admin references such as `vault:main/ai/admin#token`: the texts there
   * as material, or the one named field. Optional. NOT_FOUND when the path or the field is absent.
   */
  lookUp?(path: string, field: string | undefined, call: BackendCall): Promise<SecretMaterial>;

  /**
   * All that stands here below a path (undefined: everywhere), ours or not, but for the staging place. Optional. Only reads, a
   * few at a time, and waits where the store asks to. What cannot be seen is answered as such, and the rest goes on.
   */
  walk?(below: string | undefined, call: BackendCall): AsyncIterable<Walked>;

  /** Writes, reads back where readable, and removes a canary beside the staging place. Throws what stands in the way of staging. */
  probe(place: Place, call: BackendCall): Promise<void>;
}

export type Walked =
  | {
      readonly kind: 'entry';
      /** As an entry of the inventory would name it. */
      readonly path: string;
      /** By field; the material is that one text. */
      readonly texts: Readonly<Record<string, SecretMaterial>>;
      /** One text without names of fields: it must be written as a JSON object before keybaton can take it over. */
      readonly plain?: true;
      /** When what stands there was written, epoch milliseconds. */
      readonly writtenAt: number | undefined;
      /** It carries keybaton's mark. */
      readonly ours: boolean;
    }
  /** A folder ends in a slash. */
  | { readonly kind: 'unseen'; readonly path: string; readonly trouble: KeybatonError };

export interface BackendCall {
  readonly signal: AbortSignal;
  /** Absolute, epoch milliseconds: nothing may be written after it. */
  readonly deadline: number;
  now(): number;
}

/** Where one credential lives in one backend; rendered from the inventory, unique per backend. */
export interface Place {
  readonly credential: CredentialId;
  readonly path: string;
  /**
   * Field name in the store -> template of material fields, e.g. {DATABASE_URL: 'postgres://{username}:{password}@db/app'}.
   * Undefined: every field of the material under its own name.
   */
  readonly fields?: Readonly<Record<string, string>>;
}

export interface Envelope {
  readonly version: VersionId;
  readonly ref: Ref;
  readonly material: SecretMaterial;
}

export interface Promotion {
  readonly version: VersionId;
  readonly epoch: number;
  /** The version that should stand there now; undefined when nothing of ours should. */
  readonly expected: VersionId | undefined;
  /**
   * Only for a first promotion over, or a person's restore of, a value that is not ours. `same value`: only where every
   * mapped field that is there holds what this version renders to (an import of what was written by hand); CONFLICT otherwise.
   */
  readonly overwriteForeign?: boolean | 'same value';
  /** Comes along where the backend cannot be read: it keeps no staged copy, and another backend does. */
  readonly envelope?: Envelope;
}

export interface StoredVersion {
  readonly version: VersionId;
  /** Undefined for a staged envelope. */
  readonly epoch: number | undefined;
  readonly ref: Ref;
  readonly material: SecretMaterial;
}

export interface Description {
  readonly main: MainPlace;
  /** Every version with a staged envelope. */
  readonly staged: readonly VersionId[];
}

export type MainPlace =
  | { readonly kind: 'empty' }
  /** Marked as this version and epoch, and our mapped fields equal those rendered from its envelope. */
  | { readonly kind: 'ours'; readonly version: VersionId; readonly epoch: number }
  /** Something we did not write stands in a mapped field; the mark, if any, is what it claims. */
  | { readonly kind: 'foreign'; readonly claims: { readonly version: string; readonly epoch: number } | undefined }
  /** A write-only store, with what we last wrote as far as it tells. */
  | { readonly kind: 'unknown'; readonly wrote?: { readonly version: VersionId; readonly epoch: number } };

/** What an entry under `backends:` in targets.yml becomes. `Settings` holds no secret; `admin` reads one at the moment of use. */
export interface BackendFactory<Settings> {
  /** The version of this contract that the backend was written for. One from outside must say it, or no process starts with it. */
  readonly contract?: BackendContract;
  readonly kind: string;
  readonly settingsSchema: ZodType<Settings>;
  create(settings: Settings, access: BackendAccess): Backend;
  /**
   * The stores that this admin credential sees at the server of these settings: what each has of settings of its own. Optional;
   * only reads. `trouble`: it is there, and cannot be one of ours.
   */
  stores?(settings: Settings, access: Pick<BackendAccess, 'admin'>, call: BackendCall): Promise<readonly SeenStore[]>;
}

export interface SeenStore {
  readonly settings: Readonly<Record<string, string>>;
  readonly trouble?: KeybatonError;
}

export interface BackendAccess {
  readonly name: string;
  admin(): Promise<SecretMaterial>;
  /** A key derived for this purpose from the installation key (HKDF), 32 bytes. Only the embedded vault asks. */
  key(purpose: string): Uint8Array;
}
