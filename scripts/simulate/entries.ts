import type { Entry } from '../../domain/entry.ts';
import { parseCredentialId, type CredentialId } from '../../domain/identifiers.ts';
import type { Scenario } from './scenario.ts';

export const credential = parseCredentialId('in-memory/simulated/one');
export const target = 'simulated';
export const path = 'ai/simulated/one';
/** Another one at the same target, where a scenario has it: nobody reads it. */
export const dependent = parseCredentialId('in-memory/simulated/two');

/** Where each credential is kept. */
export const pathOf = (id: CredentialId): string => (id === dependent ? 'ai/simulated/two' : path);

export function entryOf(scenario: Scenario): Entry {
  return {
    id: credential,
    target,
    team: 'sim',
    contact: undefined,
    groups: [],
    tier: 'standard',
    mode: 'automatic',
    schedule: { every: scenario.every, jitter: 0, windows: [] },
    backends: Array.from({ length: scenario.backends }, (_, index) => ({
      backend: `shelf-${index}`,
      path,
      fields: undefined,
    })),
    consumers: scenario.consumers === 0 ? { none: 'nobody reads it' } : consumersOf(scenario.consumers),
    silence: scenario.silence === undefined ? { no: 'the scenario asks for none' } : { for: scenario.silence },
    soak: scenario.soak,
    emergency: { policy: scenario.policy, bound: scenario.bound },
    standby: scenario.standby,
    dependents: scenario.dependent ? [dependent] : [],
    apartFrom: [],
    movedFrom: undefined,
  };
}

export const dependentEntry = (entry: Entry): Entry => ({
  ...entry,
  id: dependent,
  mode: 'automatic',
  backends: entry.backends.map((one) => ({ ...one, path: pathOf(dependent) })),
  consumers: { none: 'nobody reads it' },
  silence: { no: 'nobody reads it' },
  standby: false,
  dependents: [],
});

export const consumersOf = (many: number) =>
  Array.from({ length: many }, (_, index) => ({
    name: `app-${index}`,
    kind: 'service' as const,
    demand: 'possession' as const,
    deadline: 3_600_000,
    without: 'hold' as const,
    probe: undefined,
  }));
