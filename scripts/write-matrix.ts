// Writes docs/matrix.md: what every adapter can do, from the adapters themselves, and what the conformance kit says of them.
//
//   node scripts/write-matrix.ts                 the page, from the results in docs/conformance.json
//   node scripts/write-matrix.ts --record NAME…  first runs the tests of these adapters and records their results
//   node scripts/write-matrix.ts --record        the same for all: minutes, and every server that they need
//
// `test/scripts/matrix.test.ts` fails when page or results are not what the adapters say now.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { backendRegistry } from '../backends/registry.ts';
import { backendKitTests, everyKitTest, providerFacts } from './matrix/adapter-facts.ts';
import { kitFile } from './matrix/kit-files.ts';
import { kitResult, readKitResults, runTests, writeKitResults, type KitResult } from './matrix/kit-results.ts';
import type { RanTest } from './matrix/kit-reporter.ts';
import { matrixPage } from './matrix/page.ts';
import { root } from './setup/places.mjs';

async function record(asked: readonly string[]): Promise<void> {
  const facts = providerFacts();
  const kits = { providers: everyKitTest(facts), backends: backendKitTests };
  const registered = { providers: facts.map(({ name }) => name), backends: Object.keys(backendRegistry) };
  const unknown = asked.filter((name) => ![...registered.providers, ...registered.backends].includes(name));
  if (unknown.length > 0) throw new Error(`no adapter is called ${unknown.join(', ')}`);
  const ran = new Map<string, readonly RanTest[]>();

  function resultsOf(folder: 'providers' | 'backends'): Record<string, KitResult> {
    const results: Record<string, KitResult> = {};
    for (const name of registered[folder]) {
      const file = kitFile(folder, name);
      if (file === undefined || (asked.length > 0 && !asked.includes(name))) continue;
      const tests = ran.get(file.file) ?? runTests(file.file);
      ran.set(file.file, tests);
      results[name] = kitResult(name, file, tests, kits[folder]);
      console.log(`${name}: ${results[name].passed.length} passed`);
    }
    return results;
  }
  const fresh = { providers: resultsOf('providers'), backends: resultsOf('backends') };
  // Read now: another may have been recorded meanwhile. An adapter that is gone is left out.
  const known = readKitResults();
  const merged = (folder: 'providers' | 'backends') =>
    Object.fromEntries(
      Object.entries({ ...known[folder], ...fresh[folder] }).filter(([name]) => registered[folder].includes(name)),
    );
  await writeKitResults({ providers: merged('providers'), backends: merged('backends') });
}

const [flag, ...names] = process.argv.slice(2);
if (flag !== undefined && flag !== '--record') throw new Error('expected --record and names of adapters, or nothing');
if (flag === '--record') await record(names);
await writeFile(join(root, 'docs', 'matrix.md'), await matrixPage(readKitResults()));
