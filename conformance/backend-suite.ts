import assert from 'node:assert/strict';
import { createBench, shown } from './backend/bench.ts';
import { holdsAnyForm } from './backend/canary-forms.ts';
import { destroying } from './backend/destroying.ts';
import { withOutputHeld } from './backend/output.ts';
import { promoting } from './backend/promoting.ts';
import { reading } from './backend/reading.ts';
import type { BackendSuiteSetup, ConformanceTest } from './backend/setup.ts';
import { staging } from './backend/staging.ts';
import { trouble } from './backend/trouble.ts';

export type { BackendSubject, BackendSuiteSetup, ConformanceTest, Skip } from './backend/setup.ts';

/**
 * The comments of `backends/backend.ts` as tests, for any runner: give each `run` to it, one after the other (they watch
 * what the process prints). Every test makes marked values and fails when one comes out in an error, a cause or a print.
 */
export function backendSuite(setup: BackendSuiteSetup): readonly ConformanceTest[] {
  const cases = { ...staging, ...promoting, ...reading, ...destroying, ...trouble };
  const skipped = new Map<string, string>();
  for (const { reason, tests } of setup.skips ?? []) {
    assert.ok(reason.trim() !== '', 'a skip needs a reason');
    for (const name of tests) {
      assert.ok(Object.hasOwn(cases, name), `the kit has no test named "${name}"`);
      skipped.set(name, reason);
    }
  }

  return Object.entries(cases).map(([name, test]): ConformanceTest => {
    const reason = skipped.get(name);
    return {
      name,
      ...(reason !== undefined && { skipped: reason }),
      async run() {
        const canaries: string[] = [];
        const { thrown, output } = await withOutputHeld(async () => {
          const subject = await setup.create();
          try {
            await test(createBench(subject, setup, canaries), setup);
          } finally {
            await subject.close();
          }
        });
        const leaked = (text: string) => canaries.some((core) => holdsAnyForm(text, core));
        // Not rethrown as it is: a runner would print it.
        if (leaked(shown(thrown))) assert.fail('an error holds material');
        if (leaked(output)) assert.fail('something printed holds material');
        process.stdout.write(output);
        // As it came: a runner shows the difference of an AssertionError.
        // eslint-disable-next-line @typescript-eslint/only-throw-error
        if (thrown !== undefined) throw thrown;
      },
    };
  });
}
