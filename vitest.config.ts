import { defineConfig } from 'vitest/config';
import { closingLineReporter } from './scripts/closing-line-reporter.ts';

const everyProject = {
  pool: 'forks' as const,
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    // More files at a time than cores: most of a test's time is spent waiting for servers and time-outs, and every test polls.
    maxWorkers: 3,
    reporters: ['default', closingLineReporter()],
    projects: [
      { test: { ...everyProject, name: 'fast', include: ['test/**/*.test.ts'], exclude: ['test/slow/**'] } },
      { test: { ...everyProject, name: 'slow', include: ['test/slow/**/*.test.ts'] } },
    ],
  },
});
