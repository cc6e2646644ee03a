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

function brokenOutsideTests(module: TestModule): number {
  const suites = [...module.children.allSuites()];
  return [module, ...suites].filter((owner) => owner.errors().length > 0).length;
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

/**
 * Lists every skipped test with its reason and ends the output with the plain counts.
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
      const lines: string[] = [];
      let unexplained = 0;

      for (const module of modules) {
        counts.failed += brokenOutsideTests(module);
        for (const test of module.children.allTests()) {
          const { state } = test.result();
          const reason = reasonOf(test);
          if (state === 'passed') counts.passed += 1;
          else if (state === 'failed') counts.failed += 1;
          else if (reason !== undefined || !chosenByName) {
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
