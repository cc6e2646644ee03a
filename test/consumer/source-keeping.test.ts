import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../consumer/connect.ts';
import type { Connection, ConnectOptions, Source, Stored } from '../../consumer/connect.ts';
import { until } from '../support/until.ts';

/** A store in memory that counts how often it is read, and can be away. */
function countingSource() {
  const state = { reads: 0, away: false, held: undefined as Promise<unknown> | undefined, stored: storedAs(1) };
  const source: Source = {
    name: 'a store in memory',
    async current() {
      state.reads += 1;
      await state.held;
      if (state.away) throw new Error('canary-7b2d');
      return state.stored;
    },
  };
  return { state, source };
}

const storedAs = (epoch: number): Stored => ({
  api_key: `key ${String(epoch)}`,
  keybaton_version: `kb${String(epoch).repeat(30)}`,
  keybaton_epoch: String(epoch),
});

let store: ReturnType<typeof countingSource>;
let open: Connection[];
let problems: unknown[];
beforeEach(() => {
  store = countingSource();
  open = [];
  problems = [];
});
afterEach(() => Promise.all(open.map((connection) => connection.close())));

function start(options: Partial<ConnectOptions> = {}): Connection {
  const connection = connect({
    credential: 'in-memory/dev/app',
    consumer: 'web',
    instance: 'web-0',
    source: store.source,
    onProblem: (problem) => problems.push(problem),
    ...options,
  });
  open.push(connection);
  return connection;
}
const work = ({ api_key = '' }: Readonly<Record<string, string>>): string => api_key;
const holds = (connection: Connection) =>
  connection.secret().then(
    () => true,
    () => false,
  );

test('one reading serves however many wait for it, and the next ones come from memory', async () => {
  const release = Promise.withResolvers<void>();
  store.state.held = release.promise;
  const connection = start();
  const waiting = Array.from({ length: 20 }, () => connection.use(work));
  release.resolve();
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['key 1']));
  await connection.use(work);
  expect(store.state.reads).toBe(1);
});

test('at three quarters of its lifetime it is read again while nobody waits, and who listens hears of the change', async () => {
  const epochs: number[] = [];
  const connection = start({ lifetime: 400, onChange: ({ epoch }) => epochs.push(epoch) });
  await connection.secret();
  const hold = Promise.withResolvers<void>();
  store.state.held = hold.promise;
  store.state.stored = storedAs(2);
  await until('it is read again by itself', () => store.state.reads === 2);
  hold.resolve();
  await until('the change is told', () => epochs.at(-1) === 2);
  expect(await connection.use(work)).toBe('key 2');
});

test('without following nothing is read by itself', async () => {
  const connection = start({ lifetime: 20, follow: false });
  await connection.secret();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(store.state.reads).toBe(1);
  store.state.stored = storedAs(2);
  expect((await connection.secret()).epoch).toBe(2);
});

test('while the store is away the version held is used on, for a bounded time', async () => {
  const connection = start({ lifetime: 10, maxStale: 400 });
  await connection.secret();
  store.state.away = true;
  for (let n = 0; n < 5; n += 1) expect(await connection.use(work)).toBe('key 1');
  await until('it is too old', async () => !(await holds(connection)));
  store.state.away = false;
  await until('it is good again', () => holds(connection));
  expect(JSON.stringify(problems.map(String))).not.toContain('canary');
});

test('a store that does not answer is not waited for', async () => {
  store.state.held = new Promise(() => undefined);
  await expect(start({ timeout: 50 }).secret()).rejects.toMatchObject({ code: 'NO_ANSWER' });
});

test('a lower epoch never replaces a higher one', async () => {
  store.state.stored = storedAs(2);
  const connection = start({ lifetime: 0, follow: false });
  await connection.secret();
  store.state.stored = storedAs(1);
  expect((await connection.secret()).epoch).toBe(2);
});

test('what nobody promoted is refused, and says what is missing', async () => {
  store.state.stored = { api_key: 'canary-7b2d' };
  const error: unknown = await start()
    .secret()
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'INVALID_CONFIG' });
  expect(String(error)).toContain('keybaton_version');
  expect(String(error)).not.toContain('canary');
});

test.each<[string, Partial<ConnectOptions>]>([
  ['neither a source nor keybaton', { source: undefined }],
  ['an address without a token', { url: 'http://127.0.0.1:1' }],
  ['a token without an address', { token: 'kbc_x' }],
])('%s is refused at once', (_what, options) => {
  expect(() => start(options)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
});
