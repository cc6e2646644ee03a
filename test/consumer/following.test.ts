import { afterEach, beforeEach, expect, test } from 'vitest';
import { credential, until } from '../control/http-api/world.ts';
import { openHarness } from './harness.ts';
import type { Harness } from './harness.ts';

let h: Harness;
beforeEach(async () => {
  h = await openHarness();
});
afterEach(() => h.close());

const addressOf = (input: string | URL | Request): string => (input instanceof Request ? input.url : input.toString());

const noStreams: typeof globalThis.fetch = (input, init) => {
  const accept = new Headers(init?.headers).get('accept');
  return accept === 'text/event-stream' ? Promise.reject(new Error('streams are cut here')) : fetch(input, init);
};

test('callers that ask at once share one question, and the answer stays in memory', async () => {
  const { version, epoch, value } = await h.rotate();
  const connection = h.start();
  const secrets = await Promise.all(Array.from({ length: 20 }, () => connection.secret()));
  expect(secrets[0]).toMatchObject({ version, epoch });
  expect(secrets.every(({ fields }) => fields['api_key'] === value)).toBe(true);
  await connection.secret();
  expect(await h.world.accessLines()).toHaveLength(1);
});

test('the instance is registered before the first secret is read', async () => {
  await h.rotate();
  const order: string[] = [];
  const connection = h.start({
    follow: false,
    fetch: async (input, init) => {
      const what = addressOf(input).includes('/secret') ? 'secret' : 'instance';
      order.push(`${what} asked`);
      return await fetch(input, init).finally(() => order.push(`${what} answered`));
    },
  });
  await connection.secret();
  expect(order).toEqual(['instance asked', 'instance answered', 'secret asked', 'secret answered']);
  expect((await h.world.ledger.evidence(credential)).instances.map(({ instance }) => instance)).toEqual(['web-0']);
});

test('reading proves nothing; the first successful use does, once', async () => {
  await h.rotate();
  const connection = h.start();
  await connection.secret();
  await expect(connection.use(() => Promise.reject(new Error('disk full')))).rejects.toThrow('disk full');
  expect(await h.missing()).toMatchObject([{ instance: 'web-0', why: 'not proved' }]);
  await connection.use(h.work);
  await until('it is proved', h.proved);
  const before = await h.world.ledger.history({ credential, limit: 1_000 });
  for (let n = 0; n < 20; n += 1) await connection.use(h.work);
  expect(await h.world.ledger.history({ credential, limit: 1_000 })).toHaveLength(before.length);
  expect(h.problems).toEqual([]);
});

test('a new version is pushed, used and proved without anybody asking', async () => {
  await h.rotate();
  const connection = h.start();
  await connection.use(h.work);
  await until('the first is proved', h.proved);
  const second = await h.rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
  expect(await h.missing()).toHaveLength(1);
  expect(await connection.use(h.work)).toBe(second.value);
  await until('the second is proved', h.proved);
  expect(h.changes).toEqual([1, 2]);
});

test('where streams are cut, long polls bring the news', async () => {
  await h.rotate();
  const connection = h.start({ fetch: noStreams });
  await connection.secret();
  const second = await h.rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
});

test('the highest epoch is followed, whatever version it names', async () => {
  const first = await h.rotate();
  const connection = h.start();
  const second = await h.rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
  const back = await h.world.rollBack(first.version);
  await until('the first is held again', async () => (await connection.secret()).epoch === back.epoch);
  expect((await connection.secret()).version).toBe(first.version);
  await connection.use(h.work);
  await until('it is proved under the new epoch', h.proved);
});

test('an answer of a lower epoch never replaces a higher one', async () => {
  await h.rotate();
  let late: Response | undefined;
  let isLate = false;
  const connection = h.start({
    follow: false,
    lifetime: 0,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (!addressOf(input).includes('/secret')) return response;
      late ??= response.clone();
      return isLate ? late.clone() : response;
    },
  });
  await connection.secret();
  const second = await h.rotate();
  expect((await connection.secret()).version).toBe(second.version);
  isLate = true;
  expect((await connection.secret()).version).toBe(second.version);
  expect(await connection.use(h.work)).toBe(second.value);
  expect(h.changes).toEqual([1, 2]);
});

test('between the decision and the vault the version held is used on, and the new one as soon as it shows', async () => {
  const first = await h.rotate();
  const connection = h.start();
  await connection.use(h.work);
  const version = await h.world.issue();
  const epoch = await h.world.decide(version, 'requested');
  h.accepts.add(h.world.values.at(-1) ?? '');
  expect(await connection.use(h.work)).toBe(first.value);
  await h.world.show(version, epoch, first.version);
  await until('the new one is held', async () => (await connection.secret()).version === version);
});

test('two instances are proved each by itself', async () => {
  await h.rotate();
  const [one, two] = [h.start(), h.start({ instance: 'web-1' })];
  await Promise.all([one.secret(), two.secret()]);
  await one.use(h.work);
  await until('one is proved', h.proved);
  expect(await h.missing()).toMatchObject([{ instance: 'web-1' }]);
  await two.use(h.work);
  await until('both are proved', async () => (await h.missing()).length === 0);
  await until('the rotation is woken', () => h.world.wakes.length > 0);
});
