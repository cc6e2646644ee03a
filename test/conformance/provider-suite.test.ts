import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/index.ts';
import type { ProviderSuiteOptions } from '../../conformance/index.ts';
import type { InMemorySettings } from '../../providers/in-memory/settings.ts';
import { inMemoryKit } from '../providers/in-memory-kit.ts';
import { leaksAndBreaksItsWord } from './broken-providers/leaks-and-breaks-its-word.ts';
import { mintsAndRushes } from './broken-providers/mints-and-rushes.ts';
import { misreadsAndSpares } from './broken-providers/misreads-and-spares.ts';

const broken = { ...misreadsAndSpares, ...mintsAndRushes, ...leaksAndBreaksItsWord };

describe('the provider kit fails', () => {
  for (const [name, { powers = {}, mistake, caughtBy }] of Object.entries(broken)) {
    test(`an adapter that ${name}`, async () => {
      const right = inMemoryKit({ powers });
      const suite = providerSuite({
        ...right,
        patience: 1_500,
        create() {
          const adapter = right.create();
          return { ...adapter, ...mistake(adapter) };
        },
      });
      const one = suite.find((candidate) => candidate.name === caughtBy);
      expect(one, caughtBy).toBeDefined();
      // An assertion of the kit or the adapter's own error, not an accident of the mistake.
      await expect(one?.run()).rejects.toMatchObject({
        name: expect.stringMatching(/^(AssertionError|KeybatonError)$/),
      });
    });
  }
});

describe('a skip', () => {
  const skipping = (tests: readonly string[]): ProviderSuiteOptions<InMemorySettings> => ({
    ...inMemoryKit({}),
    skips: [{ reason: 'the console alone can', tests }],
  });

  test('carries its reason', () => {
    const skipped = providerSuite(skipping(['revoking twice is success'])).filter((one) => one.skipped !== undefined);
    expect(skipped.map((one) => [one.name, one.skipped])).toEqual([
      ['revoking twice is success', 'the console alone can'],
    ]);
  });

  test('of a test that does not exist is an error', () => {
    expect(() => providerSuite(skipping(['no such test']))).toThrow('no such test');
  });
});
