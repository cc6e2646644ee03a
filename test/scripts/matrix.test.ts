import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { backendRegistry } from '../../backends/registry.ts';
import {
  backendKitTests,
  everyKitTest,
  kitTests,
  providerFacts,
  unknownBounds,
} from '../../scripts/matrix/adapter-facts.ts';
import { againstIn, kitFile } from '../../scripts/matrix/kit-files.ts';
import { kitResult, readKitResults, type KitResult } from '../../scripts/matrix/kit-results.ts';
import { matrixPage } from '../../scripts/matrix/page.ts';
import { root } from '../../scripts/setup/places.mjs';

const facts = providerFacts();
const results = readKitResults();
const namesIn = ({ passed, skipped }: KitResult) => [...passed, ...Object.keys(skipped)];
const recordedAs = 'node scripts/write-matrix.ts --record NAME records a result anew';

describe('docs/matrix.md', () => {
  test('is what the adapters and the recorded results say (node scripts/write-matrix.ts writes it)', async () => {
    expect(readFileSync(join(root, 'docs', 'matrix.md'), 'utf8')).toBe(await matrixPage(results));
  });

  test('changes with an adapter and with a result', async () => {
    const page = await matrixPage(results);
    const { openrouter: _, ...others } = results.providers;
    const without = await matrixPage({ ...results, providers: others });
    const row = (text: string) => text.split('\n').find((line) => line.startsWith('| [openrouter]'));
    expect(row(page)).toMatch(/counter, 5 min late .*\d+ of \d+ .*openrouter-keys\.yaml/);
    expect(row(without)).toMatch(/not run/);
  });

  test('names settings that the schemas have', () => {
    expect(unknownBounds(facts)).toEqual([]);
  });
});

describe('docs/conformance.json', () => {
  test(`has a result for every adapter and for nothing else (${recordedAs})`, () => {
    expect(Object.keys(results.providers)).toEqual(facts.map(({ name }) => name).toSorted());
    expect(Object.keys(results.backends)).toEqual(Object.keys(backendRegistry).toSorted());
  });

  test(`names no test that the kit does not have (${recordedAs})`, () => {
    const known = { providers: everyKitTest(facts), backends: backendKitTests };
    const strange = (['providers', 'backends'] as const).flatMap((folder) =>
      Object.entries(results[folder]).flatMap(([adapter, result]) =>
        namesIn(result).flatMap((name) => (known[folder].has(name) ? [] : [`${adapter}: ${name}`])),
      ),
    );
    expect(strange).toEqual([]);
  });

  test(`has every test that needs nothing special, passed or with a reason (${recordedAs})`, () => {
    const left = [
      ...facts.map((one) => ({
        name: one.name,
        tests: [...kitTests(one)].flatMap(([test, needs]) => (needs === undefined ? [test] : [])),
        result: results.providers[one.name],
      })),
      ...Object.keys(backendRegistry).map((name) => ({
        ...{ name, tests: [...backendKitTests], result: results.backends[name] },
      })),
    ].flatMap(({ name, tests, result }) => {
      const recorded = result === undefined ? [] : namesIn(result);
      return tests.flatMap((test) => (recorded.includes(test) ? [] : [`${name}: ${test}`]));
    });
    expect(left).toEqual([]);
    const reasons = [...Object.values(results.providers), ...Object.values(results.backends)].flatMap(({ skipped }) =>
      Object.values(skipped),
    );
    expect(reasons.filter((reason) => reason.trim() === '')).toEqual([]);
  });

  test('comes from files that run the kit, and from descriptions that are there', () => {
    const files = [
      ...facts.map(({ name }) => kitFile('providers', name)),
      ...Object.keys(backendRegistry).map((name) => kitFile('backends', name)),
    ];
    expect(files).not.toContain(undefined);
    const described = files.flatMap((one) => {
      const against = one === undefined ? undefined : againstIn(one.file);
      return against?.kind === 'described' ? [against.by] : [];
    });
    expect(described.length).toBeGreaterThan(3);
    expect(described.filter((by) => !existsSync(join(root, 'test', 'fakes', 'specs', by)))).toEqual([]);
  });
});

describe('what is recorded of a run', () => {
  const kit = new Set(['one', 'two']);
  const file = { file: 'test/providers/acme.test.ts', suites: /^acme / };
  const ran = (name: string, state: 'passed' | 'failed' | 'skipped', reason?: string, suite = 'acme keeps') => ({
    ...{ suite, name, state, reason },
  });

  test('is the kit alone, of this adapter alone', () => {
    const tests = [ran('one', 'passed'), ran('own', 'failed'), ran('two', 'failed', undefined, 'other keeps')];
    expect(kitResult('acme', file, tests, kit)).toEqual({ passed: ['one'], skipped: {} });
  });

  test('keeps the reason of a skip, unless the test passes in another setting', () => {
    const skipped = [ran('one', 'passed'), ran('two', 'skipped', 'the vendor cannot')];
    expect(kitResult('acme', file, skipped, kit).skipped).toEqual({ two: 'the vendor cannot' });
    expect(kitResult('acme', file, [...skipped, ran('two', 'passed')], kit).skipped).toEqual({});
  });

  test.each([
    ['a failure', [ran('one', 'passed'), ran('two', 'failed')], 'failed: two'],
    ['a skip without a reason', [ran('one', 'passed'), ran('two', 'skipped')], 'skipped without a reason: two'],
    ['a run without its server', [ran('one', 'skipped', 'no server')], 'no test of the kit ran: no server'],
  ])('is nothing for %s', (_, tests, message) => {
    expect(() => kitResult('acme', file, tests, kit)).toThrow(message);
  });
});
