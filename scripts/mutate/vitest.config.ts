import { defineConfig } from 'vitest/config';

/** Tests of what `npm run mutate` breaks: pure, and so quick that each mutant can be asked in the same process. */
export default defineConfig({
  test: { include: ['test/domain/**/*.test.ts', 'test/activities/failures.test.ts'], testTimeout: 20_000 },
});
