/**
 * `npm run simulate:mutants`: copies the code, breaks it in one way after the other, and lets the simulation look for it.
 * A mutant that is not noticed means that a promise is not checked. Prints a table; exit code 1 when one lives.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/places.mjs';
import { broken } from './broken-copy.ts';
import { mutants, seedsOfMutants, type Mutant } from './mutants.ts';
import { sample } from './sample.ts';

/** What a simulation runs; inside the checkout, so that packages are found from there. */
const folders = [
  'activities',
  'backends',
  'control',
  'domain',
  'evidence',
  'inventory',
  'ledger',
  'outbound',
  'providers',
];
const more = ['worker', 'workflows', 'scripts/simulate', 'scripts/servers', 'scripts/setup'];
const place = join(root, '.mutants', String(process.pid));

interface Verdict {
  readonly name: string;
  readonly seed: number | undefined;
  readonly violation: string;
  readonly seconds: number;
}

function tryOut(mutant: Mutant, index: number): Verdict {
  const began = performance.now();
  const folder = join(place, String(index));
  mkdirSync(folder, { recursive: true });
  for (const name of [...folders, ...more]) cpSync(join(root, name), join(folder, name), { recursive: true });
  for (const [file, text] of broken(mutant, (file) => readFileSync(join(folder, file), 'utf8')))
    writeFileSync(join(folder, file), text);
  const json = join(folder, 'simulate.json');
  const done = spawnSync(
    process.execPath,
    [
      join(folder, 'scripts/simulate/simulate.ts'),
      ...['--first', '--from', String(sample.from), '--seeds', String(seedsOfMutants), '--json', json],
    ],
    { cwd: folder, encoding: 'utf8', maxBuffer: 1e8 },
  );
  if (done.status !== 0 && done.status !== 1)
    throw new Error(`the mutant "${mutant.name}" did not run:\n${done.stderr}`);
  // Written by simulate.ts.
  const { broken: found } = JSON.parse(readFileSync(json, 'utf8')) as {
    readonly broken: readonly { readonly seed: number; readonly violations: readonly string[] }[];
  };
  // What only stops running was not noticed by a promise that it broke.
  const first = found.find(({ violations }) => violations.some((one) => !one.startsWith('threw:')));
  return {
    name: mutant.name,
    seed: first?.seed,
    violation: first?.violations[0] ?? '',
    seconds: Math.round(performance.now() - began) / 1_000,
  };
}

/** Parts of the names of mutants to be tried; none: all of them. */
const asked = process.argv.slice(2);
rmSync(place, { recursive: true, force: true });
const verdicts: Verdict[] = [];
try {
  for (const [index, mutant] of mutants
    .filter(({ name }) => asked.length === 0 || asked.some((part) => name.includes(part)))
    .entries()) {
    const verdict = tryOut(mutant, index);
    verdicts.push(verdict);
    const how =
      verdict.seed === undefined
        ? 'LIVES'
        : `seed ${verdict.seed}, after ${verdict.seed - sample.from + 1}: ${verdict.violation.split('\n')[0] ?? ''}`;
    console.log(`${verdict.name.padEnd(28)} ${verdict.seconds.toFixed(0).padStart(4)} s  ${how.slice(0, 140)}`);
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
const living = verdicts.filter(({ seed }) => seed === undefined);
const inTests = verdicts.filter(({ seed }) => seed !== undefined && seed < sample.from + sample.seeds);
console.log(
  `${verdicts.length - living.length} of ${verdicts.length} mutants noticed, ${inTests.length} of them by the seeds of npm test`,
);
process.exitCode = living.length === 0 ? 0 : 1;
