/**
 * `npm run simulate`: the real workflow bundle and the real activities, against a simulated world on a virtual clock, in
 * thousands of runs that differ by their seed alone. After every event the promises are checked from outside. A seed
 * that breaks one is shrunk to a story. Ends with simulate.json, and with exit code 1 when a promise broke.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { workflowBundle } from '../../worker/workflow-bundle.ts';
import type { Broken } from './blocks.ts';
import { chance } from './chance.ts';
import { playSeeds } from './crew.ts';
import { told } from './mischief.ts';
import { lengthText, scenarioOf, type Scenario } from './scenario.ts';

export interface Simulated {
  /** Seeds asked for. */
  readonly seeds: number;
  readonly from: number;
  readonly events: number;
  /** Epochs decided, over all runs. */
  readonly promotions: number;
  readonly incidents: number;
  readonly simulatedDays: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly broken: readonly Broken[];
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    /** Worlds of days in place of hours: about a hundred times as long to play. */
    long: { type: 'boolean', default: false },
    threads: { type: 'string', default: String(Math.min(4, availableParallelism())) },
    bundle: { type: 'string' },
    json: { type: 'string', default: 'simulate.json' },
    /** Stop soon after the first seed that breaks a promise, and shrink nothing: for mutants. */
    first: { type: 'boolean', default: false },
  },
});
/** All that a world is made of, loaded where one is played: threads load it for themselves. */
const playing = async () => ({ ...(await import('./seeds.ts')), ...(await import('./shrink.ts')) });
const scenarioOfSeed = (seed: number): Scenario => scenarioOf(chance(seed), seed, length);
const length = values.long ? 'long' : 'brief';
const bundle = values.bundle ?? (await workflowBundle()).codePath;

if (values.seed === undefined) await many(Number(values.from), Number(values.seeds));
else process.exitCode = (await one(scenarioOfSeed(Number(values.seed)))) ? 0 : 1;
// A simulated outage may have left a timer of the real code behind. A long story is still on its way into the pipe.
process.stdout.write('', () => process.exit());

/** Plays one scenario and tells its story. True: no promise broke. */
async function one(scenario: Scenario): Promise<boolean> {
  const { openStage, playSafely } = await playing();
  const played = await playSafely(scenario, await openStage(bundle), true);
  tellStory(scenario, played.story, played.violations);
  return played.violations.length === 0;
}

async function many(from: number, seeds: number): Promise<void> {
  const began = performance.now();
  const { first } = values;
  const onBlock = (block: { readonly broken: readonly Broken[] }): void => {
    for (const { seed, violations } of block.broken)
      console.log(`seed ${seed} breaks a promise: ${violations.join('; ')}`);
  };
  const threads = Math.max(1, Number(values.threads));
  const { broken, lasted, ...played } = await playSeeds({ bundle, threads, from, seeds, length, first, onBlock });
  const { user, system } = process.cpuUsage();
  const simulated: Simulated = {
    ...{ seeds, from, ...played },
    simulatedDays: Math.round(lasted / 86_400_000),
    seconds: Math.round(performance.now() - began) / 1_000,
    cpuSeconds: Math.round((user + system) / 1_000) / 1_000,
    broken,
  };
  writeFileSync(values.json, `${JSON.stringify(simulated, null, 2)}\n`);
  const [worst] = broken;
  if (worst !== undefined && !first) {
    const { openStage, shrink } = await playing();
    await one(await shrink(scenarioOfSeed(worst.seed), await openStage(bundle)));
  }
  console.log(
    `${seeds} seeds, ${simulated.simulatedDays} simulated days, ${played.promotions} promotions, ${played.incidents} incidents, ${played.events} events in ${simulated.seconds.toFixed(0)} s (CPU ${simulated.cpuSeconds.toFixed(0)} s): ${broken.length} broke a promise`,
  );
  process.exitCode = broken.length > 0 ? 1 : 0;
}

function tellStory(scenario: Scenario, story: readonly string[], violations: readonly string[]): void {
  const { mischief, provider, seed, lasts, ...rest } = scenario;
  console.log(`\nseed ${seed}, ${lengthText(lasts)}; ${JSON.stringify(rest)}\nprovider ${JSON.stringify(provider)}`);
  console.log('what goes wrong:');
  for (const line of mischief) console.log(`  ${told(line)}`);
  console.log('what happens:');
  for (const line of story) console.log(`  ${line}`);
  for (const line of violations) console.log(`BROKEN: ${line}`);
  const long = scenario.length === 'long' ? ' --long' : '';
  console.log(`again: npm run simulate -- --seed ${seed}${long}   (in peace from ${lengthText(lasts)} on)\n`);
}
