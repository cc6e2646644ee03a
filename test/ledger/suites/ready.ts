import type { VersionId } from '../../../domain/identifiers.ts';
import { bot } from '../fixtures.ts';
import type { Scenario } from '../scenario.ts';

/** Two epochs; the first version is doomed and all of GATE holds for it. */
export async function ready(scenario: Scenario): Promise<VersionId> {
  const old = await scenario.rotate();
  await scenario.rotate();
  await scenario.prove(old);
  return old;
}

export const authorise = ({ ledger }: Scenario, version: VersionId, epoch = 2, signal = true): Promise<void> =>
  ledger.authorise({ credential: bot, version, epoch, signal });
