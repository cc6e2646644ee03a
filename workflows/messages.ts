import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { Step } from '../domain/rotation.ts';
import type { VersionId } from '../domain/identifiers.ts';

/**
 * What may be said to a running rotation. Everything else people say is a request in the ledger, followed by `wake`:
 * so it is neither lost with a run nor dependent on a live worker.
 */
export interface Escalation {
  readonly incident: string;
  /** The frozen version set of the incident, as far as it belongs to this credential. */
  readonly compromised: readonly VersionId[];
}

export const escalate = defineSignal<[Escalation]>('escalate');
/** Something changed: ask again. */
export const wake = defineSignal('wake');
export const rotationStatus = defineQuery<RotationStatus>('status');

export interface RotationStatus {
  readonly step: Step;
  readonly since: number;
  /** What it waits for, for people; undefined while an effect runs. */
  readonly waitsFor: string | undefined;
  readonly version: VersionId | undefined;
}
