import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase } from 'vitest/node';

/** One test of a run as the matrix needs it. */
export interface RanTest {
  /** Names of the suites around it, outermost first, joined by " > ". */
  readonly suite: string;
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped, where the test says so. */
  readonly reason: string | undefined;
}

/** Writes every test of the run, as JSON, to the file that KEYBATON_KIT_RESULTS names. */
export default class KitReporter implements Reporter {
  onTestRunEnd: NonNullable<Reporter['onTestRunEnd']> = (modules) => {
    const tests = modules.flatMap((module) => [...module.children.allTests()].map(ranTest));
    const file = process.env['KEYBATON_KIT_RESULTS'];
    if (file === undefined) throw new Error('KEYBATON_KIT_RESULTS names no file');
    writeFileSync(file, JSON.stringify(tests));
  };
}

function ranTest(test: TestCase): RanTest {
  const suites: string[] = [];
  for (let owner = test.parent; owner.type === 'suite'; owner = owner.parent) suites.unshift(owner.name);
  const result = test.result();
  return {
    suite: suites.join(' > '),
    name: test.name,
    // A test that never ended has not passed.
    state: result.state === 'pending' ? 'failed' : result.state,
    reason: result.state === 'skipped' ? result.note : undefined,
  };
}
