import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';

/** What a run came to; the last line of its output says it. */
interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** `3 passed, 0 failed`, and `, 2 skipped` when there were any. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** @returns the first error of the file itself and of each suite in it that broke outside its tests */
function brokenOutsideTests(module: TestModule): SerializedError[] {
  const suites = [...module.children.allSuites()];
  return [module, ...suites].flatMap((owner) => owner.errors().slice(0, 1));
}

function suiteBroke(test: TestCase): boolean {
  for (let owner = test.parent; owner.type === 'suite'; owner = owner.parent) {
    if (owner.errors().length > 0) return true;
  }
  return test.module.errors().length > 0;
}

/** @returns why a test did not run; undefined when nobody said */
function reasonOf(test: TestCase): string | undefined {
  const result = test.result();
  if (result.state === 'skipped' && result.note !== undefined) return result.note;
  if (suiteBroke(test)) return 'its suite failed';
  return result.state === 'pending' ? 'the run ended before it' : undefined;
}

function firstLine(error: SerializedError | undefined): string {
  return error?.message.split('\n', 1)[0] ?? 'no error was given';
}

/**
 * Lists every failed test, every one that passed only at its second try, and every skipped test with its reason,
 * and ends the output with the plain counts.
 * A run fails that ran no test at all, or skipped one without saying why.
 */
export function closingLineReporter(): Reporter {
  let chosenByName = false;

  return {
    onInit(vitest: Vitest) {
      chosenByName = vitest.config.testNamePattern !== undefined;
    },

    onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]) {
      const counts: Counts = { passed: 0, failed: unhandled.length, skipped: 0 };
      const lines = unhandled.map((error) => `failed: outside every file: ${firstLine(error)}`);
      let unexplained = 0;

      for (const module of modules) {
        const broken = brokenOutsideTests(module);
        counts.failed += broken.length;
        for (const error of broken) lines.push(`failed: ${module.relativeModuleId}: ${firstLine(error)}`);
        for (const test of module.children.allTests()) {
          const { state } = test.result();
          const reason = reasonOf(test);
          if (state === 'passed') {
            counts.passed += 1;
            if (test.diagnostic()?.flaky) {
              lines.push(
                `second try: ${module.relativeModuleId} > ${test.fullName}: ${firstLine(test.result().errors?.[0])}`,
              );
            }
          } else if (state === 'failed') {
            counts.failed += 1;
            lines.push(
              `failed: ${module.relativeModuleId} > ${test.fullName}: ${firstLine(test.result().errors?.[0])}`,
            );
          } else if (reason !== undefined || !chosenByName) {
            counts.skipped += 1;
            if (reason === undefined) unexplained += 1;
            lines.push(`skipped: ${module.relativeModuleId} > ${test.fullName}: ${reason ?? 'NO REASON GIVEN'}`);
          }
        }
      }

      if (unexplained > 0) lines.push(`${unexplained} tests are skipped without a reason: use skip(reason)`);
      if (counts.passed + counts.failed === 0) lines.push('no test ran');
      if (counts.failed + unexplained > 0 || counts.passed === 0) process.exitCode = 1;
      process.stdout.write(['', ...lines, closingLine(counts), ''].join('\n'));
    },
  };
}
