import { defineConfig } from 'vitest/config';
import { closingLineReporter } from './scripts/closing-line-reporter.ts';

const everyProject = {
  pool: 'forks' as const,
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    // Files run two at a time: most of a test's time is spent waiting for servers, and every test polls instead of sleeping.
    maxWorkers: 2,
    reporters: ['default', closingLineReporter()],
    projects: [
      { test: { ...everyProject, name: 'fast', include: ['test/**/*.test.ts'], exclude: ['test/slow/**'] } },
      { test: { ...everyProject, name: 'slow', include: ['test/slow/**/*.test.ts'] } },
    ],
  },
});
