// Runs one of our scripts, or a program out of node_modules, on Node 24:
//   node scripts/run.mjs scripts/demo/demo.ts [...]      node scripts/run.mjs vitest run [...]

import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { findNode24, root } from './setup/places.mjs';

function entryFile(name) {
  if (/\.(ts|mjs|js)$/.test(name)) return resolve(root, name);
  const folder = join(root, 'node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof bin === 'string' ? bin : bin[name]);
}

function refuse(reason) {
  console.error(`run: ${reason}`);
  process.exit(1);
}

const [name, ...args] = process.argv.slice(2);
const node = findNode24() ?? refuse('Node 24 is not there: npm run setup');
const file = entryFile(name);
if (!existsSync(file)) refuse(`${name} does not exist`);

const run = `run-${randomUUID()}`;

/** The guards of `servers/guard.mjs` that are still tidying up after processes of this run. */
function guardsAreBusy() {
  return execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8', maxBuffer: 1e8 }).includes(run);
}

const child = spawn(node, [file, ...args], {
  stdio: 'inherit',
  env: { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter), KEYBATON_RUN: run },
});
// A terminal sends Ctrl-C to both of us; a supervisor sends its signal to us alone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', async (code, signal) => {
  for (const until = Date.now() + 15_000; guardsAreBusy() && Date.now() < until;) {
    await new Promise((done) => setTimeout(done, 50));
  }
  process.exitCode = code ?? 128 + constants.signals[signal];
});
