import { describe, expect, it } from 'vitest';
import { backendSuite } from '../../conformance/backend-suite.ts';
import { inMemorySubject } from '../backends/in-memory-subject.ts';
import { brokenBackends } from './broken-backends.ts';

describe('the backend conformance kit', () => {
  it.each(brokenBackends)('catches a backend that $how', async ({ breakIt, caughtBy }) => {
    const suite = backendSuite({ create: inMemorySubject(breakIt), open: (material) => material.reveal() });
    const failed: string[] = [];
    for (const test of suite) {
      await test.run().catch(() => failed.push(test.name));
    }
    expect(failed).toEqual(expect.arrayContaining([...caughtBy]));
    expect(failed.length).toBeLessThan(suite.length);
  });

  it('shows no material in its own failures', async () => {
    const leaky = brokenBackends.filter(({ how }) => how.startsWith('puts') || how.startsWith('prints'));
    const messages: string[] = [];
    for (const { breakIt } of leaky) {
      for (const test of backendSuite({ create: inMemorySubject(breakIt), open: (material) => material.reveal() })) {
        await test.run().catch((reason: unknown) => messages.push(String(reason)));
      }
    }
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.filter((message) => message.includes('canary'))).toEqual([]);
  });

  const setup = { create: inMemorySubject(), open: () => ({}) };

  it('skips a test with its reason', () => {
    const skips = [{ reason: 'a file cannot refuse anybody', tests: ['describe never holds material'] }];
    const skipped = backendSuite({ ...setup, skips }).filter((test) => test.skipped !== undefined);
    expect(skipped.map((test) => [test.name, test.skipped])).toEqual([
      ['describe never holds material', 'a file cannot refuse anybody'],
    ]);
  });

  it('refuses to skip a test that it does not have', () => {
    expect(() => backendSuite({ ...setup, skips: [{ reason: 'so', tests: ['no such test'] }] })).toThrow(
      'no such test',
    );
  });

  it('refuses to skip without a reason', () => {
    expect(() => backendSuite({ ...setup, skips: [{ reason: ' ', tests: [] }] })).toThrow('needs a reason');
  });
});
