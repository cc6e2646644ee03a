import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './places.mjs';

const file = join(cache, 'setup.lock');

function holder() {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Two set-ups in one checkout take turns: `npm ci` removes what the other one is about to start. */
export async function alone(work, say) {
  mkdirSync(cache, { recursive: true });
  for (let told = false; ;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const pid = holder();
    // An empty file is one that its owner is writing at this moment.
    if (pid !== undefined && pid !== 0 && !isAlive(pid)) rmSync(file, { force: true });
    else if (!told) {
      say(`waiting for another set-up of this checkout (process ${pid}, by ${file})`);
      told = true;
    }
    await new Promise((done) => setTimeout(done, 200));
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}
