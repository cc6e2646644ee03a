import type { Tier } from '../domain/entry.ts';
import type { FreezableCredential, FreezableVersion } from '../domain/freeze.ts';

/**
 * What an emergency needs when the ledger is gone: every version that may live, where, by which handle. A file of mode
 * 0600 on every machine that opens the ledger with it, replaced as a whole and synced, without any material.
 * Members that may be missing were not yet kept by older builds.
 */
export interface KillSheet {
  readonly format: 1;
  readonly installation: string;
  /** The newest event it includes. */
  readonly n: number;
  readonly at: number;
  /** targets.yml as applied: settings and references to admin credentials, no secret. */
  readonly targets: unknown;
  readonly credentials: readonly KillSheetCredential[];
}

/** `frozenFrom` reads one as it is. */
export interface KillSheetCredential extends FreezableCredential {
  readonly status: string;
  readonly target: string;
  readonly team: string;
  readonly groups: readonly string[];
  readonly versions: readonly KillSheetVersion[];
  readonly tier?: Tier;
  readonly environment?: string;
  /** Names, for `--leak-source`. */
  readonly consumers?: readonly string[];
  /** Credentials that are rotated after this one. */
  readonly dependents?: readonly string[];
}

export interface KillSheetVersion extends FreezableVersion {
  readonly compromised: boolean;
}
