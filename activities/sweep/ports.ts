import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { Vanished } from '../../domain/reconcile.ts';
import type { RotationInput } from '../../domain/rotation.ts';
import type { ActivityPorts } from '../ports.ts';

/** What a sweep needs beside what every effect has. */
export interface SweepPorts extends ActivityPorts {
  readonly starts: Starts;
  /** Every applied target, with the provider it names. */
  targets(): Promise<readonly { readonly name: string; readonly provider: string }[]>;
  readonly hooks: SweepHooks;
}

/** Rotations by their canonical id, through the client: they outlive the sweep that starts them. UNAVAILABLE. */
export interface Starts {
  /** `running`: one runs under this id, and is left as it is. */
  start(input: RotationInput): Promise<'started' | 'running'>;
  /** Does Temporal know an execution of this id that has not ended? */
  running(workflowId: string): Promise<boolean>;
}

/** What else happens with a sweep; each is done by who is wired here, and one that fails stops nothing. */
export interface SweepHooks {
  /** Brings journals of emergencies without Temporal into the ledger; answers their incidents. */
  readonly importJournals?: () => Promise<readonly string[]>;
  /** Closes incidents that no run works on and that are through; answers which. */
  readonly endIncidents?: () => Promise<readonly string[]>;
  /** Sends what people are to be told and were not yet. */
  readonly deliverNotices?: () => Promise<unknown>;
  /** Writes, once a day, how every key is killed without keybaton. */
  readonly writeByHandBundle?: () => Promise<unknown>;
  /** Starts, once an hour, the drills that are due at targets that say so. */
  readonly startDrills?: () => Promise<unknown>;
  /** A key of ours is gone, and nobody here took it away: declares an incident of unplanned revocation. Idempotent. */
  readonly declareVanished?: (vanished: VanishedKey) => Promise<void>;
}

export interface VanishedKey {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly target: string;
  readonly how: Vanished['how'];
  /** When it was first missed; epoch milliseconds. */
  readonly firstAt: number;
}
