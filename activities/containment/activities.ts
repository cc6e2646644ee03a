import type { ContainAnswer, ProveAnswer } from '../../domain/incident.ts';
import { containVersions, type ContainInput } from './contain-versions.ts';
import type { ContainmentPorts } from './ports.ts';
import { proveVersions, type ProveInput } from './prove-versions.ts';

/** What an incident does at providers. Everything travels in the input; facts come back as answers. */
export interface IncidentActivities {
  containVersions(input: ContainInput): Promise<readonly ContainAnswer[]>;
  proveVersions(input: ProveInput): Promise<readonly ProveAnswer[]>;
}

/** `signal` gives each call the cancellation signal of the activity it runs in. */
export function createIncidentActivities(ports: ContainmentPorts, signal: () => AbortSignal): IncidentActivities {
  return {
    containVersions: (input) => containVersions(ports, input, signal()),
    proveVersions: (input) => proveVersions(ports, input, signal()),
  };
}
