import { it } from 'vitest';
import { backendSuite, type BackendSuiteSetup } from '../../conformance/backend-suite.ts';

/** Gives the whole kit to vitest; what an adapter skips is skipped with its reason. */
export function runBackendSuite(setup: Omit<BackendSuiteSetup, 'open'>): void {
  for (const test of backendSuite({ ...setup, open: (material) => material.reveal() })) {
    const { skipped } = test;
    it(test.name, skipped === undefined ? test.run : ({ skip }) => skip(skipped));
  }
}
