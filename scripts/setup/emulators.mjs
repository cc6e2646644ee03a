// Emulators of AWS and Google for the slow tests, in a Python environment of their own (200 MB), and MLflow in another (850 MB):
// both below .servers, nothing outside it is written. A program of its own, which needs nothing that set-up brings: .ci/run starts it beside its first steps.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cache } from './places.mjs';

/** Distribution as pip names it, and its program. */
export const emulators = {
  moto: { wanted: 'moto[server]==5.2.5', program: 'moto_server' },
  drongo: { wanted: 'drongo==0.8.0', program: 'drongo' },
};

const mlflow = 'mlflow[auth]==3.17.2';
const schemathesis = 'schemathesis==4.32.5';

const home = join(cache, 'emulators');

/** What is there, for `scripts/servers/emulator.ts`. */
export const emulatorsFile = join(home, 'found.json');

const installMilliseconds = 300_000;

function run(command, args) {
  const { error, status, signal, stderr } = spawnSync(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: installMilliseconds,
  });
  if (error?.code === 'ENOENT') throw new Error(`${command} is not here`);
  if (error !== undefined) throw new Error(`${command}: ${error.message}`);
  if (status !== 0)
    throw new Error(
      `${args.slice(0, 3).join(' ')}: ${stderr.trim().split('\n').at(-1) || `ended with ${status ?? signal}`}`,
    );
}

function install(environment, wanted) {
  run('python3', ['-m', 'venv', environment]);
  // Compiled when it is imported: most of it never is.
  const quietly = ['--quiet', '--disable-pip-version-check', '--no-input', '--no-compile'];
  run(join(environment, 'bin', 'pip'), ['install', ...quietly, ...wanted]);
}

/**
 * Finds or installs all of them, from wherever the person's pip installs, and notes where each is, or why it is not.
 * @param {(line: string) => void} say
 * @param {string} folder
 */
export function bringEmulators(say, folder = home) {
  const file = join(folder, 'found.json');
  const wanted = Object.values(emulators).map((one) => one.wanted);
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  if (before?.missing === undefined && before?.wanted?.join() === wanted.join()) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  say(`installing ${wanted.join(' and ')} with pip, 200 MB in ${folder}`);
  let missing;
  try {
    install(join(folder, 'python'), wanted);
  } catch (error) {
    rmSync(join(folder, 'python'), { recursive: true, force: true });
    missing = `moto and drongo could not be installed: ${error.message}`;
    say(`${missing}; the tests that need them are skipped`);
  }
  // Last: as long as it is not there, nothing is.
  writeFileSync(file, `${JSON.stringify({ wanted, missing }, null, 2)}\n`);
}

/** MLflow wants a hundred packages of its own versions, so it gets an environment of its own. What is there stays. */
export function bringMlflow(say, folder = join(cache, 'mlflow')) {
  if (existsSync(join(folder, 'found'))) return;
  rmSync(folder, { recursive: true, force: true });
  say(`installing ${mlflow} with pip, 850 MB in ${folder}`);
  try {
    install(folder, [mlflow]);
    writeFileSync(join(folder, 'found'), `${mlflow}\n`);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    say(`MLflow could not be installed: ${error.message}; the tests that need it are skipped`);
  }
}

/** What asks the HTTP API everything that its own description allows, and more. What is there stays. */
export function bringSchemathesis(say, folder = join(cache, 'schemathesis')) {
  if (existsSync(join(folder, 'found'))) return;
  rmSync(folder, { recursive: true, force: true });
  say(`installing ${schemathesis} with pip, 100 MB in ${folder}`);
  try {
    install(folder, [schemathesis]);
    writeFileSync(join(folder, 'found'), `${schemathesis}\n`);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    say(`Schemathesis could not be installed: ${error.message}; the test that needs it is skipped`);
  }
}

/** @returns {string} the program, which is there or not */
export const schemathesisProgram = () => join(cache, 'schemathesis', 'bin', 'schemathesis');

/** @returns {string} the program of an emulator that is there */
export const emulatorProgram = (name) => join(home, 'python', 'bin', emulators[name].program);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const say = (line) => console.error(`setup: ${line}`);
  bringEmulators(say);
  bringSchemathesis(say);
  bringMlflow(say);
}
