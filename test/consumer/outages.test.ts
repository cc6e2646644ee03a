import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { credential, until } from '../control/http-api/world.ts';
import { openHarness, urlOf } from './harness.ts';
import type { Harness } from './harness.ts';

let h: Harness;
beforeEach(async () => {
  h = await openHarness();
});
afterEach(() => h.close());

test('while keybaton is down the version held is used on, and what was not acknowledged is sent afterwards', async () => {
  const { value } = await h.rotate();
  const connection = h.start({ lifetime: 0 });
  await connection.secret();
  const comeBack = await h.world.stopApi();
  for (let n = 0; n < 10; n += 1) expect(await connection.use(h.work)).toBe(value);
  await comeBack();
  await until('it is proved', h.proved);
});

test('a version that was not confirmed for too long is not used on', async () => {
  await h.rotate();
  const connection = h.start({ lifetime: 0, maxStale: 300 });
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

test('a version that is known to be replaced is not used on for too long either', async () => {
  await h.rotate();
  let down = false;
  const connection = h.start({
    maxStale: 300,
    fetch: (...asked) =>
      down && urlOf(asked[0]).includes('/secret') ? Promise.reject(new Error('down')) : fetch(...asked),
  });
  await connection.secret();
  down = true;
  await h.rotate();
  const refused = (): Promise<boolean> =>
    connection.secret().then(
      () => false,
      () => true,
    );
  await until('it is too old', refused);
  const answers: boolean[] = [];
  for (let n = 0; n < 40; n += 1) {
    answers.push(await refused());
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  expect(new Set(answers)).toEqual(new Set([true]));
});

test('an API that asks for patience is not asked for the secret before', async () => {
  const asked: number[] = [];
  const connection = h.start({
    follow: false,
    fetch: async (...given) => {
      if (!urlOf(given[0]).includes('/secret')) return fetch(...given);
      asked.push(Date.now());
      return asked.length < 3 ? new Response('{}', { status: 429, headers: { 'retry-after': '1' } }) : fetch(...given);
    },
  });
  await h.rotate();
  await until('it is there', () =>
    connection.secret().then(
      () => true,
      () => false,
    ),
  );
  const gaps = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(990);
});

test('an instance that leaves does not register again, though a renewal is on its way', async () => {
  await h.rotate();
  const order: string[] = [];
  const connection = h.start({
    lease: 300,
    follow: false,
    fetch: async (...given) => {
      const method = given[1]?.method ?? 'GET';
      order.push(`${method} begins`);
      // A renewal takes its time.
      if (method === 'PUT' && order.length > 2) await new Promise((resolve) => setTimeout(resolve, 400));
      // What is on its way arrives, whoever has stopped waiting for the answer.
      const answer = await fetch(given[0], { ...given[1], signal: null });
      order.push(`${method} ends`);
      return answer;
    },
  });
  await until('a renewal is on its way', () => order.at(-1) === 'PUT begins' && order.length > 2);
  await connection.leave();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(order.slice(order.indexOf('DELETE begins'))).toEqual(['DELETE begins', 'DELETE ends']);
  const { instances } = await h.world.ledger.evidence(credential);
  expect(instances).toMatchObject([{ left: true }]);
});
