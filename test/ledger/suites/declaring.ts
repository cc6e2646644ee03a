import type { KillFact } from '../../../domain/incident.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import { bot } from '../fixtures.ts';
import { ref } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

export const said = { who: 'os:ada', why: 'a key in a public repository' };

export const declare = ({ ledger }: Scenario, incident: string, ...versions: VersionId[]): Promise<void> =>
  ledger.declareIncident({ incident, versions, ...said });

export const contained = (
  version: VersionId,
  at: number,
  more: Partial<KillFact & { kind: 'contained' }> = {},
): KillFact => ({
  kind: 'contained',
  credential: bot,
  version,
  at,
  refs: [ref(version)],
  ...more,
});

export const dead = (version: VersionId, at: number, grade: 'refused' | 'absent' = 'refused'): KillFact => ({
  kind: 'dead',
  credential: bot,
  version,
  at,
  grade,
});
