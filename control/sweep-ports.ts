import type { Ref } from '../domain/facts.ts';
import type { TargetReport } from '../domain/reconcile.ts';

/** What sweeping needs of the process it runs in; implemented by `worker/`. */
export interface Sweeping {
  /** Compares what lives at a target with the ledger, and notes the sighting. A target that does not answer says so in its report. */
  reconcile(target: string): Promise<TargetReport>;
  /**
   * Lets one ripe stray die: by the rotation of the version it belongs to, or at the provider. Looks again first.
   * CONFLICT when it is no stray, not ripe, named by a stored copy, or the ledger only observes.
   */
  revokeStray(input: { readonly target: string; readonly ref: Ref; readonly actor: string }): Promise<RevokedStray>;
  schedule(): Promise<ScheduleStanding>;
  /** One sweep now. NOT_FOUND when no worker ever made the Schedule. */
  sweepNow(): Promise<void>;
}

export interface RevokedStray {
  readonly ref: Ref;
  /** `owed`: its version's rotation kills it. `revoked`: the provider does not list it any more. */
  readonly how: 'owed' | 'revoked';
}

export interface ScheduleStanding {
  readonly state: 'running' | 'paused' | 'missing';
  /** Why it is paused, as it was said. */
  readonly note: string | undefined;
  /** Milliseconds between two sweeps. */
  readonly every: number | undefined;
  readonly lastAt: number | undefined;
  readonly nextAt: number | undefined;
}
