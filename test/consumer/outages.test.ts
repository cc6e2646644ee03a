import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { credential, until } from '../control/http-api/world.ts';
import { openHarness } from './harness.ts';
import type { Harness } from './harness.ts';

let h: Harness;
beforeEach(async () => {
  h = await openHarness();
});
afterEach(() => h.close());

test('while keybaton is down the version held is used on, and what was not acknowledged is sent afterwards', async () => {
  const { value } = await h.rotate();
  const connection = h.start({ refreshAfter: 0 });
  await connection.secret();
  const comeBack = await h.world.stopApi();
  for (let n = 0; n < 10; n += 1) expect(await connection.use(h.work)).toBe(value);
  await comeBack();
  await until('it is proved', h.proved);
});

test('a version that was not confirmed for too long is not used on', async () => {
  await h.rotate();
  const connection = h.start({ refreshAfter: 0, maxStale: 300 });
  await connection.secret();
  const comeBack = await h.world.stopApi();
  await until(
    'it is too old',
    async () =>
      await connection.secret().then(
        () => false,
        () => true,
      ),
  );
  await comeBack();
  await until(
    'it is good again',
    async () =>
      await connection.secret().then(
        () => true,
        () => false,
      ),
  );
});

test('a proof that met a ledger that was down counts after the retry', async () => {
  await h.rotate();
  const connection = h.start();
  await connection.secret();
  h.world.state.ledgerDown = true;
  await connection.use(h.work);
  await until('it was refused once', () =>
    h.problems.some((one) => one instanceof Error && 'status' in one && one.status === 503),
  );
  h.world.state.ledgerDown = false;
  await until('it is proved', h.proved);
});

test('the lease is renewed before it lapses', async () => {
  await h.rotate();
  const lease = 3_000;
  const connection = h.start({ lease });
  await connection.secret();
  const seen = new Set<number>();
  await until('it was renewed twice', async () => {
    const { instances } = await h.world.ledger.evidence(credential);
    for (const { seenAt } of instances) seen.add(seenAt);
    return seen.size >= 3;
  });
  const times = [...seen];
  for (const [n, time] of times.slice(1).entries()) expect(time - (times[n] ?? 0)).toBeLessThan(lease);
  expect(h.problems).toEqual([]);
});

test('a restart under the same name proves once the lease of the start before has lapsed', async () => {
  await h.rotate();
  const before = h.start({ lease: 1_000 });
  await before.secret();
  await before.close();
  const after = h.start({ lease: 1_000 });
  await after.use(h.work);
  await until('it is proved', h.proved);
});

test('leave sends what is not acknowledged, deregisters, and closes', async () => {
  await h.rotate();
  const job = h.start({ follow: false });
  await job.use(h.work);
  await job.leave();
  expect(await h.missing()).toEqual([]);
  expect((await h.world.ledger.evidence(credential)).instances.filter(({ left }) => !left)).toEqual([]);
  await expect(job.secret()).rejects.toMatchObject({ code: 'CLOSED' });
});

test('no value, proof or token is in a problem, a log line, or an error', async () => {
  const { value } = await h.rotate();
  const connection = h.start({ token: `kbc_${'x'.repeat(43)}` });
  const thrown = await connection.secret().catch((error: unknown) => error);
  const good = h.start({ instance: 'web-1' });
  await good.use(h.work);
  const comeBack = await h.world.stopApi();
  await until('there are problems', () => h.problems.length > 3);
  await comeBack();
  const searched = [thrown, ...h.problems].map(
    (one) => `${inspect(one)} ${one instanceof Error ? String(one.stack) + String(one.cause) : ''}`,
  );
  searched.push(...h.world.logged);
  for (const secret of [value, h.token, 'x'.repeat(43)]) expect(searched.join('\n')).not.toContain(secret);
});
