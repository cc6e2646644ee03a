import { setImmediate } from 'node:timers/promises';
import { play, type Played, type Stage } from './play.ts';
import type { Scenario } from './scenario.ts';

/** The smallest scenario found that still breaks a promise: less mischief, fewer consumers, fewer days. */
export async function shrink(scenario: Scenario, stage: Stage, tries = 120): Promise<Scenario> {
  let smallest = scenario;
  let left = tries;
  const breaks = async (candidate: Scenario): Promise<boolean> => {
    left -= 1;
    const played = await playSafely(candidate, stage);
    return played.violations.length > 0;
  };
  for (let smaller = true; smaller && left > 0;) {
    smaller = false;
    for (const candidate of candidates(smallest)) {
      if (left <= 0) break;
      if (!(await breaks(candidate))) continue;
      smallest = candidate;
      smaller = true;
      break;
    }
  }
  return smallest;
}

/** What the code under test throws where nothing may be thrown is a violation like any other. */
export async function playSafely(scenario: Scenario, stage: Stage, wantsStory = false): Promise<Played> {
  try {
    return await play(scenario, stage, wantsStory);
  } catch (thrown) {
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    // What was under way ends before anybody plays again: it holds the ledger.
    for (let turns = 0; turns < 100; turns += 1) await setImmediate();
    const nothing = { story: [], events: 0, rotations: 0, incidents: 0, lasted: 0 };
    return { seed: scenario.seed, violations: [`threw: ${text}`], ...nothing };
  }
}

function* candidates(scenario: Scenario): Iterable<Scenario> {
  const { mischief } = scenario;
  const half = Math.ceil(mischief.length / 2);
  if (half > 1) {
    yield { ...scenario, mischief: mischief.slice(half) };
    yield { ...scenario, mischief: mischief.slice(0, half) };
  }
  for (const [index] of mischief.entries()) yield { ...scenario, mischief: mischief.toSpliced(index, 1) };
  if (scenario.backends > 1)
    yield {
      ...scenario,
      backends: 1,
      mischief: mischief.filter((one) => !('backend' in one) || one.backend === 0),
    };
  if (scenario.instances > 1) yield { ...scenario, instances: 1 };
  if (scenario.consumers > 0) yield { ...scenario, consumers: scenario.consumers - 1 };
  if (scenario.soak > 0) yield { ...scenario, soak: 0 };
  if (scenario.silence !== undefined) yield { ...scenario, silence: undefined };
  if (scenario.dependent) yield { ...scenario, dependent: false };
  if (scenario.standby) yield { ...scenario, standby: false };
}
