import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { temporaryFolder } from '../servers/temporary-folder.ts';
import { root } from '../setup/places.mjs';
import type { KitFile } from './kit-files.ts';
import type { RanTest } from './kit-reporter.ts';

/** What the kit came to over one adapter, in every setting that its test file knows. */
export interface KitResult {
  readonly passed: readonly string[];
  /** By name of the test: why it is left out. */
  readonly skipped: Readonly<Record<string, string>>;
}

export interface KitResults {
  readonly providers: Readonly<Record<string, KitResult>>;
  readonly backends: Readonly<Record<string, KitResult>>;
}

const place = join(root, 'docs', 'conformance.json');

/** As committed. */
export function readKitResults(): KitResults {
  // Written by `writeKitResults`, and held to the kit by test/scripts/matrix.test.ts.
  return JSON.parse(readFileSync(place, 'utf8')) as KitResults;
}

export async function writeKitResults({ providers, backends }: KitResults): Promise<void> {
  const sorted = <Value>(map: Readonly<Record<string, Value>>) =>
    Object.fromEntries(Object.entries(map).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  const text = JSON.stringify({ providers: sorted(providers), backends: sorted(backends) });
  writeFileSync(place, await format(text, { parser: 'json', printWidth: 120 }));
}

/** Runs a test file and answers every test in it. A run that breaks outside its tests throws. */
export function runTests(file: string): readonly RanTest[] {
  const { path: folder, remove } = temporaryFolder('kit-results');
  try {
    const results = join(folder, 'results.json');
    const project = file.startsWith('test/slow/') ? 'slow' : 'fast';
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const reporter = join(import.meta.dirname, 'kit-reporter.ts');
    spawnSync(process.execPath, [vitest, 'run', '--project', project, '--reporter', reporter, file], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, KEYBATON_KIT_RESULTS: results },
    });
    // Written by the reporter of this run.
    return JSON.parse(readFileSync(results, 'utf8')) as readonly RanTest[];
  } finally {
    remove();
  }
}

/**
 * The kit's own tests among those of a file. Throws when one failed, when one was skipped and nobody says why, and when all
 * were skipped: a server that is not here leaves the committed result as it is.
 */
export function kitResult(
  adapter: string,
  { suites }: KitFile,
  tests: readonly RanTest[],
  kit: ReadonlySet<string>,
): KitResult {
  const own = tests.filter(({ suite, name }) => kit.has(name) && (suites?.test(suite) ?? true));
  const failed = own.filter(({ state }) => state === 'failed');
  if (failed.length > 0) throw new Error(`${adapter}: failed: ${failed.map(({ name }) => name).join('; ')}`);
  const passed = [...new Set(own.filter(({ state }) => state === 'passed').map(({ name }) => name))].toSorted();
  if (passed.length === 0)
    throw new Error(`${adapter}: no test of the kit ran${own[0]?.reason ? `: ${own[0].reason}` : ''}`);
  const skipped = own.filter(({ state, name }) => state === 'skipped' && !passed.includes(name));
  const silent = skipped.filter(({ reason }) => reason === undefined);
  if (silent.length > 0)
    throw new Error(`${adapter}: skipped without a reason: ${silent.map(({ name }) => name).join('; ')}`);
  return { passed, skipped: Object.fromEntries(skipped.map(({ name, reason = '' }) => [name, reason])) };
}
