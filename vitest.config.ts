import { defineConfig } from 'vitest/config';
import { closingLineReporter } from './scripts/closing-line-reporter.ts';
import { stuckFilesReporter } from './scripts/stuck-files-reporter.ts';

const everyProject = {
  pool: 'forks' as const,
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // The gate runs thousands of tests beside real servers. One that passes at its second try is named at the end: look for the cause.
  retry: process.env['CI'] === 'true' ? 1 : 0,
};

const closing = closingLineReporter();

export default defineConfig({
  test: {
    // More files at a time than cores: most of a test's time is spent waiting for servers and time-outs, and every test polls.
    maxWorkers: 3,
    reporters: ['default', closing, stuckFilesReporter(closing)],
    projects: [
      { test: { ...everyProject, name: 'fast', include: ['test/**/*.test.ts'], exclude: ['test/slow/**'] } },
      { test: { ...everyProject, name: 'slow', include: ['test/slow/**/*.test.ts'] } },
    ],
  },
});
