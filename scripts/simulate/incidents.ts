import { createIncidentActivities, type IncidentActivities } from '../../activities/containment/activities.ts';
import type { ContainmentPorts } from '../../activities/containment/ports.ts';
import { createIncidentEffects, type IncidentEffects } from '../../activities/incident/activities.ts';
import type { EscalatedRotations, IncidentPartRuns } from '../../activities/incident/ports.ts';
import type { ActivityPorts } from '../../activities/ports.ts';
import { frozenFrom } from '../../domain/freeze.ts';
import {
  incidentPartWorkflowId,
  incidentWorkflowId,
  rotationWorkflowId,
  type CredentialId,
  type VersionId,
} from '../../domain/identifiers.ts';
import { defaultIncidentPace, type Declaration } from '../../domain/incident.ts';
import { queues } from '../../domain/queues.ts';
import type { Pace } from '../../domain/rotation.ts';
import { credential } from './entries.ts';
import type { SimulatedWorld } from './world.ts';
import type { Life } from './attempts.ts';
import type { SimulatedTemporal } from './temporal.ts';

/** What incidents do, over the same lines as rotations: killing knows no ledger. */
export function incidentActivities(
  ports: ActivityPorts,
  life: Life,
  rotations: EscalatedRotations,
  parts: IncidentPartRuns,
): IncidentActivities & IncidentEffects {
  const signal = (): AbortSignal => life.signal;
  const now = (): number => ports.now();
  // Who used what leaked, and the report, are read by people.
  const hooks = { scope: async () => undefined, report: async () => undefined };
  const notify = { channels: async () => [], now };
  return {
    ...createIncidentActivities(killingPorts(ports), signal),
    ...createIncidentEffects({ ledger: async () => ports.ledger, rotations, parts, notify, hooks, now }, signal),
  };
}

/** What killing needs of what rotations have. */
export const killingPorts = (ports: ActivityPorts): ContainmentPorts => ({
  now: () => ports.now(),
  provider: (target) => ports.provider(target),
  backend: (name) => ports.backend(name),
  fingerprint: (name, material) => ports.keys.fingerprint(name, material),
  random: (bytes) => ports.random(bytes),
  sleep: (milliseconds, until) => ports.sleep(milliseconds, until),
});

/** A part that does not run has ended: by itself, or ended from outside. */
export const incidentPartRuns = (temporal: () => SimulatedTemporal): IncidentPartRuns => ({
  tend: async (incident, part) =>
    temporal().running().includes(incidentPartWorkflowId(incident, part)) ? 'runs' : 'ended',
});

/** An incident's way to rotations, as the worker has it. */
export function escalatedRotations(temporal: () => SimulatedTemporal, pace: Pace): EscalatedRotations {
  const begin = (id: CredentialId, reason: string): void => {
    temporal().start('rotateCredential', rotationWorkflowId(id), [
      { credential: id, reason, actor: 'incident', rehearse: false, pace },
    ]);
  };
  const escalate: EscalatedRotations['escalate'] = async (id, incident, compromised) => {
    begin(id, `incident ${incident}`);
    temporal().signal(rotationWorkflowId(id), 'escalate', [{ incident, compromised }]);
  };
  return {
    escalate,
    takeOver: async (id, incident, compromised) => {
      temporal().terminate(rotationWorkflowId(id));
      await escalate(id, incident, compromised);
    },
    start: async (id, reason) => {
      begin(id, reason);
      temporal().signal(rotationWorkflowId(id), 'wake', []);
    },
  };
}

/** A person declares that these versions leaked: the set is frozen, the incident is handed over, the ledger is told beside. */
export async function declare(
  { agenda, temporal, ledger, down, pace }: SimulatedWorld,
  incident: string,
  versions: readonly VersionId[],
): Promise<void> {
  const facts = await ledger.facts(credential);
  const declaration: Declaration = {
    incident,
    declaredAt: agenda.now(),
    who: 'operator',
    why: 'mischief',
    scope: `credential ${credential}`,
    drill: false,
    parts: 1,
    pace: { ...defaultIncidentPace, outcomeEvery: 10_000, renewAfter: pace.renewAfter },
  };
  const frozen = frozenFrom(facts, versions, agenda.now());
  const id = incidentWorkflowId(incident);
  temporal.start('emergencyRevocation', id, [declaration], queues.emergency);
  temporal.signal(id, 'part', [{ incident, part: 0, versions: frozen }]);
  if (agenda.now() < down.ledger) return;
  const { who, why, declaredAt, scope } = declaration;
  await ledger.declareIncident({ incident, versions, who, why, declaredAt, scope });
}

/** What a person does to a running incident, and what a mishap does. */
export function layHands(
  { temporal }: SimulatedWorld,
  incident: string,
  what: 'take over' | 'close incident' | 'part of incident is ended',
): void {
  const id = incidentWorkflowId(incident);
  if (what === 'take over') temporal.signal(id, 'takeOver', [{ credential }]);
  else if (what === 'close incident') temporal.signal(id, 'closeIncident', [{ who: 'operator' }]);
  else temporal.terminate(incidentPartWorkflowId(incident, 0));
}
