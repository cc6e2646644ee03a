import { KeybatonError } from '../domain/errors.ts';
import { errorIsNotAbsence } from './provider/error-is-not-absence.ts';
import { withBench } from './provider/harness.ts';
import type { ConformanceTest, ProviderSuiteOptions } from './provider/harness.ts';
import { leaks } from './provider/leaks.ts';
import { minting } from './provider/minting.ts';
import { powers } from './provider/powers.ts';
import { revocation } from './provider/revocation.ts';
import { validation } from './provider/validation.ts';

/**
 * The provider contract as tests: the five ways in which rotation systems fail, and a word kept for every optional
 * operation that is there. Give each to your runner under its name; run them one after the other, since a test watches
 * what is printed meanwhile. Which tests there are follows from the operations and from what `options` can reach;
 * `skips` leaves some out, only with a reason.
 */
export function providerSuite<Settings>(options: ProviderSuiteOptions<Settings>): readonly ConformanceTest[] {
  const tests: ConformanceTest[] = [];
  const reasons = new Map(
    (options.skips ?? []).flatMap(({ reason, tests: names }) => names.map((name) => [name, reason] as const)),
  );

  const provider = options.create();
  const chapter = {
    provider,
    traits: provider.traits(options.settings),
    options,
    test(name: string, run: Parameters<typeof withBench<Settings>>[1]) {
      const skip = reasons.get(name);
      tests.push({ name, run: () => withBench(options, run), ...(skip !== undefined && { skipped: skip }) });
    },
  };
  for (const write of [errorIsNotAbsence, revocation, minting, validation, leaks, powers]) write(chapter);

  const unknown = [...reasons.keys()].filter((name) => !tests.some((test) => test.name === name));
  if (unknown.length > 0) {
    throw new KeybatonError('INVALID_CONFIG', `there is nothing to skip by the name of: ${unknown.join(', ')}`);
  }
  return tests;
}
