import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { IncidentPart, IncidentProgress } from '../domain/incident.ts';
import type { PartProgress } from '../domain/incident-part.ts';
import type { Step } from '../domain/rotation.ts';

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

/** One part of an incident's frozen set; the same part again changes nothing. */
export const part = defineSignal<[IncidentPart]>('part');
export const incidentProgress = defineQuery<IncidentProgress>('progress');
/** A person ends the incident before it is through; what is not dead stays a debt of its rotation. */
export const closeIncident = defineSignal<[{ readonly who: string }]>('closeIncident');
/** A person has the rotation of this credential ended and started anew. */
export const takeOver = defineSignal<[{ readonly credential: CredentialId }]>('takeOver');
/** From a part to its incident. */
export const partTells = defineSignal<[PartProgress]>('partTells');
/** From an incident to its parts: it is closed, nothing more is tried. */
export const partEnds = defineSignal('partEnds');
