import type { Entry } from '../../domain/entry.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { Pace } from '../../domain/rotation.ts';

/** Small, so that a wait costs a test milliseconds. */
export const quick: Pace = { retryFrom: 30, retryTo: 300, renewAfter: 3_600_000, debtAfter: 3_600_000 };

export const plainEntry = (id: CredentialId, team: string, backends: Entry['backends']): Entry => ({
  id,
  target: team,
  team,
  contact: undefined,
  groups: [],
  tier: 'standard',
  mode: 'automatic',
  schedule: { every: 90 * 86_400_000, jitter: 0, windows: [] },
  backends,
  consumers: { none: 'a test without consumers' },
  silence: { no: 'a test without silence' },
  soak: 0,
  emergency: { policy: 'revoke-first', bound: 600_000 },
  standby: false,
  dependents: [],
  apartFrom: [],
  movedFrom: undefined,
});

export const consumer = (
  name: string,
  changes: Partial<Exclude<Entry['consumers'], { none: string }>[number]> = {},
) => ({
  name,
  kind: 'service' as const,
  demand: 'possession' as const,
  deadline: 600_000,
  without: 'hold' as const,
  probe: undefined,
  ...changes,
});
