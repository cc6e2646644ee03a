import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { missingEvidence } from '../../domain/gate.ts';
import { credential, openWorld } from '../control/http-api/world.ts';
import type { World } from '../control/http-api/world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld(['web']);
});
afterEach(() => world.close());

const script = fileURLToPath(new URL('./short-job.ts', import.meta.url));

async function runJob(ending: string) {
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'pipe'] });
  const tooLong = setTimeout(() => child.kill('SIGKILL'), 20_000);
  child.stdin.end(JSON.stringify({ ending, url: world.url(), token: await world.token('web'), credential }));
  const [out, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  clearTimeout(tooLong);
  return { out, errors, code };
}

test.each(['leave', 'close', 'nothing'])('a process that ends with %s exits by itself', async (ending) => {
  await world.rotate();
  expect(await runJob(ending)).toEqual({ out: 'used 43 characters\n', errors: '', code: 0 });
});

test('a job that leaves has proved what it used', async () => {
  await world.rotate();
  await runJob('leave');
  expect(missingEvidence(await world.ledger.evidence(credential), await world.ledger.clock())).toEqual([]);
});
