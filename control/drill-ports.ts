import type { ThiefUse } from '../domain/drill.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';

/** What drills need of the process they run in; implemented by `worker/`. */
export interface Drills {
  /**
   * Gives a drill's version its id, after the provider said that there is room. Has no effect at the provider. UNSUPPORTED
   * where no key can be minted or read back, CAPACITY_EXHAUSTED where there is no room: nothing is done then.
   */
  plan(credential: CredentialId, signal: AbortSignal): Promise<DrillVersion>;
  /** Makes and stages it as a rotation does. Whatever it throws: the version is owed, and its incident must be declared. */
  issue(drill: DrillVersion, signal: AbortSignal): Promise<void>;
  /** Hands its value, through an inherited pipe and by no other way, to a thief in a process of its own. */
  steal(drill: DrillVersion, signal: AbortSignal): Promise<Thief>;
}

/** Drills that a worker runs, for a process that holds no credential of a provider. */
export interface DrillsByWorkers {
  /**
   * Asks the workers for one, and answers once it has ended or after `within` milliseconds; then it goes on, and the ledger
   * has its result. As `drill` refuses: with nothing done. CONFLICT when one of this credential runs already.
   */
  run(
    input: { readonly credential: CredentialId; readonly actor: string },
    within: number,
  ): Promise<
    | { readonly kind: 'running' }
    | { readonly kind: 'drilled'; readonly incident: string; readonly verdict: 'passed' | 'failed' }
  >;
}

export interface DrillVersion {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly target: string;
  /** How long a new key may still be refused, milliseconds. */
  readonly createSpread: number;
}

/** A process that uses the stolen key again and again. It ends with ours at the latest. */
export interface Thief {
  /** What it has tried so far, oldest first. */
  uses(): readonly ThiefUse[];
  /** It ended although nobody asked it to. */
  lost(): boolean;
  stop(): Promise<void>;
}
