import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../consumer/connect.ts';
import type { Connection, ConnectOptions } from '../../consumer/connect.ts';
import { missingEvidence } from '../../domain/gate.ts';
import { credential, openWorld, until } from '../control/http-api/world.ts';
import type { World } from '../control/http-api/world.ts';

let world: World;
let token: string;
let accepts: Set<string>;
const open: Connection[] = [];
const problems: unknown[] = [];
const changes: number[] = [];

beforeEach(async () => {
  world = await openWorld(['web']);
  token = await world.token('web');
  accepts = new Set();
  problems.length = 0;
  changes.length = 0;
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.close()));
  await world.close();
});

const start = (options: Partial<ConnectOptions> = {}): Connection => {
  const connection = connect({
    url: world.url(),
    token,
    credential,
    consumer: 'web',
    instance: 'web-0',
    lease: 60_000,
    avoidRefused: 0,
    onChange: ({ epoch }) => changes.push(epoch),
    onProblem: (problem) => problems.push(problem),
    ...options,
  });
  open.push(connection);
  return connection;
};

/** What the application does with the credential: the provider refuses what it does not accept. */
const work = ({ api_key = '' }: Readonly<Record<string, string>>): string => {
  if (accepts.has(api_key)) return api_key;
  throw Object.assign(new Error('refused'), { status: 401 });
};
const rotate = async () => {
  const made = await world.rotate();
  accepts.add(made.value);
  return made;
};
const proved = async (instance = 'web-0') => {
  const { evidence } = await world.ledger.evidence(credential);
  return evidence.some((one) => one.instance === instance && one.kind === 'possession' && !one.withdrawn);
};
const missing = async () => missingEvidence(await world.ledger.evidence(credential), await world.ledger.clock());
const noStreams: typeof globalThis.fetch = (input, init) => {
  const accept = new Headers(init?.headers).get('accept');
  return accept === 'text/event-stream' ? Promise.reject(new Error('streams are cut here')) : fetch(input, init);
};

test('callers that ask at once share one question, and the answer stays in memory', async () => {
  const { version, epoch, value } = await rotate();
  const connection = start();
  const secrets = await Promise.all(Array.from({ length: 20 }, () => connection.secret()));
  expect(secrets[0]).toMatchObject({ version, epoch });
  expect(secrets.every(({ fields }) => fields['api_key'] === value)).toBe(true);
  await connection.secret();
  expect(await world.accessLines()).toHaveLength(1);
});

test('the instance is registered before the first secret is read', async () => {
  await rotate();
  await start().secret();
  expect((await world.ledger.evidence(credential)).instances.map(({ instance }) => instance)).toEqual(['web-0']);
});

test('reading proves nothing; the first successful use does, once', async () => {
  await rotate();
  const connection = start();
  await connection.secret();
  await expect(connection.use(() => Promise.reject(new Error('disk full')))).rejects.toThrow('disk full');
  expect(await missing()).toMatchObject([{ instance: 'web-0', why: 'not proved' }]);
  await connection.use(work);
  await until('it is proved', proved);
  const before = await world.ledger.history({ credential, limit: 1_000 });
  for (let n = 0; n < 20; n += 1) await connection.use(work);
  expect(await world.ledger.history({ credential, limit: 1_000 })).toHaveLength(before.length);
  expect(problems).toEqual([]);
});

test('a new version is pushed, used and proved without anybody asking', async () => {
  await rotate();
  const connection = start();
  await connection.use(work);
  await until('the first is proved', proved);
  const second = await rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
  expect(await missing()).toHaveLength(1);
  expect(await connection.use(work)).toBe(second.value);
  await until('the second is proved', proved);
  expect(changes).toEqual([1, 2]);
});

test('where streams are cut, long polls bring the news', async () => {
  await rotate();
  const connection = start({ fetch: noStreams });
  await connection.secret();
  const second = await rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
});

test('the highest epoch is followed, whatever version it names', async () => {
  const first = await rotate();
  const connection = start();
  const second = await rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
  const back = await world.rollBack(first.version);
  await until('the first is held again', async () => (await connection.secret()).epoch === back.epoch);
  expect((await connection.secret()).version).toBe(first.version);
  await connection.use(work);
  await until('it is proved under the new epoch', proved);
});

test('an answer of a lower epoch never replaces a higher one', async () => {
  await rotate();
  let replay: Response | undefined;
  const late: typeof globalThis.fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!String(input).includes('/secret')) return response;
    const answer = (replay ?? response).clone();
    replay ??= response.clone();
    return answer;
  };
  const connection = start({ follow: false, refreshAfter: 0, fetch: late });
  await connection.secret();
  const second = await rotate();
  replay = undefined;
  expect((await connection.secret()).version).toBe(second.version);
  const third = await rotate();
  expect((await connection.secret()).version).toBe(second.version);
  replay = undefined;
  expect((await connection.secret()).version).toBe(third.version);
});

test('between the decision and the vault the version held is used on, and the new one as soon as it shows', async () => {
  const first = await rotate();
  const connection = start();
  await connection.use(work);
  const version = await world.issue();
  const epoch = await world.decide(version, 'requested');
  accepts.add(world.values.at(-1) ?? '');
  expect(await connection.use(work)).toBe(first.value);
  await world.show(version, epoch, first.version);
  await until('the new one is held', async () => (await connection.secret()).version === version);
});

test('a refused credential is asked for again, and the newer one used at once', async () => {
  const first = await rotate();
  const connection = start({ follow: false });
  await connection.use(work);
  const second = await rotate();
  accepts.delete(first.value);
  expect(await connection.use(work)).toBe(second.value);
  await until('it is proved', proved);
  const { evidence } = await world.ledger.evidence(credential);
  expect(evidence.some(({ withdrawn }) => withdrawn)).toBe(false);
});

test('when the current one is refused the previous one is used, keybaton is told, and the evidence is withdrawn', async () => {
  const first = await rotate();
  const connection = start();
  const second = await rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
  await connection.use(work);
  await until('it is proved', proved);
  accepts.delete(second.value);
  expect(await connection.use(work)).toBe(first.value);
  expect(await missing()).toMatchObject([{ instance: 'web-0', why: 'withdrawn' }]);
  for (let n = 0; n < 5; n += 1) expect(await connection.use(work)).toBe(first.value);
  const reports = (await world.ledger.history({ credential, limit: 1_000 })).filter(
    ({ body }) => body['what'] === 'fell-back',
  );
  expect(reports).toHaveLength(1);
});

test('when the current one works again it is used again and proved again', async () => {
  await rotate();
  const connection = start();
  const second = await rotate();
  accepts.delete(second.value);
  await connection.use(work);
  expect(await missing()).toHaveLength(1);
  accepts.add(second.value);
  expect(await connection.use(work)).toBe(second.value);
  await until('it is proved again', proved);
});

test('a previous version is used on for a while instead of trying the refused one at every use', async () => {
  const first = await rotate();
  const connection = start({ avoidRefused: 60_000 });
  const second = await rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
  accepts.delete(second.value);
  await connection.use(work);
  const tried: string[] = [];
  await connection.use((fields) => {
    tried.push(fields['api_key'] ?? '');
    return work(fields);
  });
  expect(tried).toEqual([first.value]);
  const third = await rotate();
  await until('a new epoch ends it', async () => (await connection.use(work)) === third.value);
});

test('a compromised version is never fallen back to', async () => {
  const first = await rotate();
  const connection = start();
  const second = await rotate();
  await until('the second is held', async () => (await connection.secret()).version === second.version);
  await world.ledger.declareIncident({ incident: 'inc-1', versions: [first.version], who: 'os:test', why: 'leaked' });
  accepts.delete(second.value);
  const tried: string[] = [];
  await expect(
    connection.use((fields) => {
      tried.push(fields['api_key'] ?? '');
      return work(fields);
    }),
  ).rejects.toThrow('refused');
  expect(tried).toEqual([second.value]);
  await expect(connection.previous()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const events = await world.ledger.history({ credential, limit: 1_000 });
  expect(events.filter(({ body }) => body['what'] === 'refused')).toHaveLength(1);
});

test('an error that is no refusal comes back as it is, and is not tried again', async () => {
  await rotate();
  const mine = Object.assign(new Error('too many'), { status: 429 });
  let calls = 0;
  const failing = start().use(() => {
    calls += 1;
    throw mine;
  });
  await expect(failing).rejects.toBe(mine);
  expect(calls).toBe(1);
});

test('while keybaton is down the version held is used on, and what was not acknowledged is sent afterwards', async () => {
  const { value } = await rotate();
  const connection = start({ refreshAfter: 0, timeout: 500 });
  await connection.secret();
  const comeBack = await world.stopApi();
  for (let n = 0; n < 10; n += 1) expect(await connection.use(work)).toBe(value);
  await comeBack();
  await until('it is proved', proved);
});

test('a version that was not confirmed for too long is not used on', async () => {
  await rotate();
  const connection = start({ refreshAfter: 0, maxStale: 300, timeout: 200 });
  await connection.secret();
  const comeBack = await world.stopApi();
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
  await rotate();
  const connection = start();
  await connection.secret();
  world.state.ledgerDown = true;
  await connection.use(work);
  await until('it was refused once', () =>
    problems.some((one) => one instanceof Error && 'status' in one && one.status === 503),
  );
  world.state.ledgerDown = false;
  await until('it is proved', proved);
});

test('the lease is renewed before it lapses', async () => {
  await rotate();
  const connection = start({ lease: 600 });
  await connection.secret();
  const seen = new Set<number>();
  await until('it was renewed three times', async () => {
    const { instances } = await world.ledger.evidence(credential);
    for (const { seenAt } of instances) seen.add(seenAt);
    return seen.size > 3;
  });
  expect(problems).toEqual([]);
});

test('a restart under the same name waits for the lease of the start before, and then proves', async () => {
  await rotate();
  const before = start({ lease: 400 });
  await before.secret();
  await before.close();
  const after = start({ lease: 400 });
  await after.use(work);
  await until('it is proved', proved);
  expect(problems).toContainEqual(expect.objectContaining({ status: 409 }));
});

test('leave sends what is not acknowledged, deregisters, and closes', async () => {
  await rotate();
  const job = start({ follow: false });
  await job.use(work);
  await job.leave();
  expect(await missing()).toEqual([]);
  expect((await world.ledger.evidence(credential)).instances.filter(({ left }) => !left)).toEqual([]);
  await expect(job.secret()).rejects.toMatchObject({ code: 'CLOSED' });
});

test('two instances are proved each by itself', async () => {
  await rotate();
  const [one, two] = [start(), start({ instance: 'web-1' })];
  await Promise.all([one.secret(), two.secret()]);
  await one.use(work);
  await until('one is proved', proved);
  expect(await missing()).toMatchObject([{ instance: 'web-1' }]);
  await two.use(work);
  await until('both are proved', async () => (await missing()).length === 0);
  await until('the rotation is woken', () => world.wakes.length > 0);
});

test('no value, proof or token is in a problem, a log line, or an error', async () => {
  const { value } = await rotate();
  const connection = start({ token: `kbc_${'x'.repeat(43)}`, timeout: 300 });
  const thrown = await connection.secret().catch((error: unknown) => error);
  const good = start({ instance: 'web-1' });
  await good.use(work);
  const comeBack = await world.stopApi();
  await until('there are problems', () => problems.length > 3);
  await comeBack();
  const searched = [thrown, ...problems].map(
    (one) =>
      `${String(one)} ${JSON.stringify(one)} ${one instanceof Error ? String(one.stack) + String(one.cause) : ''}`,
  );
  searched.push(...world.logged);
  for (const secret of [value, token, 'x'.repeat(43)]) expect(searched.join('\n')).not.toContain(secret);
});
