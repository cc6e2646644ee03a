import { together, type Block, type BlockPlayed } from './blocks.ts';
import { chance } from './chance.ts';
import { withoutTimersOfTheMachine } from './given-time.ts';
import { openLedgerOfSeeds } from './ledger.ts';
import type { Played, Stage } from './play.ts';
import { openSandbox } from './sandbox.ts';
import { scenarioOf, type Dimensions, type Scenario } from './scenario.ts';
import { playSafely } from './shrink.ts';

/** For the whole thread: nothing else may run in it that needs the machine's time. */
export async function openStage(bundle: string): Promise<Stage> {
  withoutTimersOfTheMachine();
  return { sandbox: await openSandbox(bundle), ledgers: await openLedgerOfSeeds() };
}

export const scenarioOfSeed = (seed: number, length: Dimensions['length']): Scenario =>
  scenarioOf(chance(seed), seed, length);

export async function playBlock({ from, seeds, length }: Block, stage: Stage): Promise<BlockPlayed> {
  const runs: Played[] = [];
  for (let seed = from; seed < from + seeds; seed += 1)
    runs.push(await playSafely(scenarioOfSeed(seed, length), stage));
  return together(
    runs.map(({ seed, violations, ...run }) => ({
      ...{ events: run.events, promotions: run.rotations, incidents: run.incidents, lasted: run.lasted },
      broken: violations.length === 0 ? [] : [{ seed, violations }],
    })),
  );
}
