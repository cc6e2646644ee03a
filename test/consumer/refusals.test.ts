import { afterEach, beforeEach, expect, test } from 'vitest';
import { credential, until } from '../control/http-api/world.ts';
import { openHarness, urlOf } from './harness.ts';
import type { Harness } from './harness.ts';

let h: Harness;
beforeEach(async () => {
  h = await openHarness();
});
afterEach(() => h.close());

test('a refused credential is asked for again, and the newer one used at once', async () => {
  const first = await h.rotate();
  const connection = h.start({ follow: false });
  await connection.use(h.work);
  const second = await h.rotate();
  h.accepts.delete(first.value);
  expect(await connection.use(h.work)).toBe(second.value);
  await until('it is proved', h.proved);
  const { evidence } = await h.world.ledger.evidence(credential);
  expect(evidence.some(({ withdrawn }) => withdrawn)).toBe(false);
});

test('when the current one is refused the previous one is used, keybaton is told, and the evidence is withdrawn', async () => {
  const first = await h.rotate();
  const connection = h.start();
  const second = await h.rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
  await connection.use(h.work);
  await until('it is proved', h.proved);
  h.accepts.delete(second.value);
  expect(await connection.use(h.work)).toBe(first.value);
  expect(await h.missing()).toMatchObject([{ instance: 'web-0', why: 'withdrawn' }]);
  for (let n = 0; n < 5; n += 1) expect(await connection.use(h.work)).toBe(first.value);
  const reports = (await h.world.ledger.history({ credential, limit: 1_000 })).filter(
    ({ body }) => body['what'] === 'fell-back',
  );
  expect(reports).toHaveLength(1);
});

test('when the current one works again it is used again and proved again', async () => {
  await h.rotate();
  const connection = h.start();
  const second = await h.rotate();
  h.accepts.delete(second.value);
  await connection.use(h.work);
  expect(await h.missing()).toHaveLength(1);
  h.accepts.add(second.value);
  expect(await connection.use(h.work)).toBe(second.value);
  await until('it is proved again', h.proved);
});

test('evidence that a fall-back withdrew is given anew once the current one works again', async () => {
  await h.rotate();
  const connection = h.start();
  const second = await h.rotate();
  await until('the second is used', async () => (await connection.use(h.work)) === second.value);
  await until('it is proved', h.proved);
  h.accepts.delete(second.value);
  await connection.use(h.work);
  expect(await h.missing()).toMatchObject([{ why: 'withdrawn' }]);
  h.accepts.add(second.value);
  await connection.use(h.work);
  await until('it is proved anew', async () => (await h.missing()).length === 0);
});

test('a previous version is used on for a while instead of trying the refused one at every use', async () => {
  const first = await h.rotate();
  const connection = h.start({ avoidRefused: 60_000 });
  const second = await h.rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
  h.accepts.delete(second.value);
  await connection.use(h.work);
  const tried: string[] = [];
  await connection.use((fields) => {
    tried.push(fields['api_key'] ?? '');
    return h.work(fields);
  });
  expect(tried).toEqual([first.value]);
  const third = await h.rotate();
  await until('a new epoch ends it', async () => (await connection.use(h.work)) === third.value);
});

test('a compromised version is never fallen back to', async () => {
  const first = await h.rotate();
  const connection = h.start();
  const second = await h.rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
  await h.world.ledger.declareIncident({ incident: 'inc-1', versions: [first.version], who: 'os:test', why: 'leaked' });
  h.accepts.delete(second.value);
  const tried: string[] = [];
  await expect(
    connection.use((fields) => {
      tried.push(fields['api_key'] ?? '');
      return h.work(fields);
    }),
  ).rejects.toThrow('refused');
  expect(tried).toEqual([second.value]);
  await expect(connection.previous()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const events = await h.world.ledger.history({ credential, limit: 1_000 });
  expect(events.filter(({ body }) => body['what'] === 'refused')).toHaveLength(1);
});

test('an error that is no refusal comes back as it is, and is not tried again', async () => {
  await h.rotate();
  await h.rotate();
  const mine = Object.assign(new Error('too many'), { status: 429 });
  let calls = 0;
  const failing = h.start().use(() => {
    calls += 1;
    throw mine;
  });
  await expect(failing).rejects.toBe(mine);
  expect(calls).toBe(1);
});

test('whoever falls back while the report of it is on its way waits for it too', async () => {
  const { value: first } = await h.rotate();
  const { value: second } = await h.rotate();
  h.accepts.delete(second);
  const report = Promise.withResolvers<undefined>();
  const lived: string[] = [];
  let reports = 0;
  let previous = 0;
  const connection = h.start({
    fetch: async (...asked) => {
      if (urlOf(asked[0]).endsWith('/reports')) {
        reports += 1;
        await report.promise;
      }
      const answer = await fetch(...asked);
      if (urlOf(asked[0]).includes('which=previous')) previous += 1;
      return answer;
    },
  });
  const work = (fields: Readonly<Record<string, string>>): string => {
    if (fields['api_key'] === first) lived.push('on the one before');
    return h.work(fields);
  };
  const one = connection.use(work);
  await until('the report is on its way', () => reports === 1);
  const other = connection.use(work);
  await until('the other one has what it would fall back to', () => previous === 2);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(lived).toEqual([]);
  report.resolve(undefined);
  expect(await Promise.all([one, other])).toEqual([first, first]);
});
