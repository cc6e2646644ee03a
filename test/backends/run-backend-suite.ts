import { it } from 'vitest';
import { backendSuite, type BackendSuiteSetup } from '../../conformance/backend-suite.ts';

/** Gives the whole kit to vitest; what an adapter skips shows its reason in the test's name. */
export function runBackendSuite(setup: Omit<BackendSuiteSetup, 'open'>): void {
  for (const test of backendSuite({ ...setup, open: (material) => material.reveal() })) {
    if (test.skipped === undefined) it(test.name, test.run);
    else it.skip(`${test.name} (${test.skipped})`, test.run);
  }
}
