import { afterEach, beforeEach, expect, test } from 'vitest';
import { base, credential, openWorld } from './world.ts';
import type { World } from './world.ts';

let world: World;
let token: string;
beforeEach(async () => {
  world = await openWorld();
  token = await world.token('web');
});
afterEach(() => world.close());

const secret = (which = '', as = token) => world.ask('GET', `${base}/secret${which}`, { token: as });

test('current is given with its version, its epoch, and the name of the field that is the value', async () => {
  const { version, epoch, value } = await world.rotate();
  const answer = await secret();
  expect(answer.json).toEqual({ version, epoch, value: 'api_key', fields: { username: 'someone', api_key: value } });
  expect(answer.headers.get('cache-control')).toBe('no-store');
});

test('previous is the version before, while its copy is there', async () => {
  expect((await secret('?which=previous')).status).toBe(404);
  const first = await world.rotate();
  expect((await secret('?which=previous')).status).toBe(404);
  await world.rotate();
  expect((await secret('?which=previous')).json).toMatchObject({
    version: first.version,
    fields: { api_key: first.value },
  });
});

test('a compromised version is never given as previous', async () => {
  const first = await world.rotate();
  const second = await world.rotate();
  await world.ledger.declareIncident({ incident: 'inc-1', versions: [first.version], who: 'os:test', why: 'leaked' });
  const answer = await secret('?which=previous');
  expect(answer.status).toBe(404);
  expect(answer.text).not.toContain(first.value);
  expect((await secret()).json).toMatchObject({ version: second.version });
});

test('current is given while the ledger is down; previous is not, since nobody knows whether it is compromised', async () => {
  await world.rotate();
  const second = await world.rotate();
  world.state.ledgerDown = true;
  expect((await secret()).json).toMatchObject({ version: second.version });
  expect((await secret('?which=previous')).status).toBe(503);
});

test('each reading is in the access log, with who, from where and which version, and without any value', async () => {
  const { version, epoch, value } = await world.rotate();
  await secret();
  const lines = await world.accessLines();
  expect(lines).toMatchObject([
    { credential, consumer: 'web', address: '127.0.0.1', which: 'current', version, epoch },
  ]);
  expect(JSON.stringify(lines)).not.toContain(value);
  expect(JSON.stringify(lines)).not.toContain(token.slice(4));
});

test('a reading that cannot be logged is not answered', async () => {
  const { value } = await world.rotate();
  world.state.diskFull = true;
  const answer = await secret();
  expect([answer.status, answer.json]).toMatchObject([507, { code: 'CAPACITY_EXHAUSTED' }]);
  expect(answer.text).not.toContain(value);
});

test('nothing but current and previous can be asked for', async () => {
  await world.rotate();
  expect((await secret('?which=pending')).status).toBe(400);
});

test.each(['', 'kbc_', `kbc_${'a'.repeat(43)}`])('without a valid token (%j) nothing is read', async (as) => {
  const { value } = await world.rotate();
  const answer = await secret('', as);
  expect([answer.status, answer.json]).toMatchObject([403, { code: 'ACCESS_DENIED' }]);
  expect(answer.text).not.toContain(value);
  expect(await world.accessLines()).toEqual([]);
});

test('a token is good for its own credential alone, and until it expires', async () => {
  await world.rotate();
  expect((await world.ask('GET', '/v1/credentials/in-memory/dev/other/secret', { token })).status).toBe(403);
  const short = await world.token('web', 1);
  await expect.poll(async () => (await secret('', short)).status).toBe(403);
});

test('a token for a consumer that nobody declared is not made', async () => {
  await expect(world.token('stranger')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect((await world.tokens.list()).map(({ consumer }) => consumer)).toEqual(['web']);
});
