import { afterEach, beforeEach, expect, test } from 'vitest';
import { base, openWorld } from './world.ts';
import type { World } from './world.ts';

let world: World;
let token: string;
beforeEach(async () => {
  world = await openWorld(['web']);
  token = await world.token('web');
});
afterEach(() => world.close());
const ask = () => world.ask('GET', `${base}/previous`, { token });

test('there is a previous version from the second one on, and it is told without its value', async () => {
  expect((await ask()).status).toBe(404);
  const first = await world.rotate();
  expect((await ask()).status).toBe(404);
  await world.rotate();
  const { json, headers, text } = await ask();
  expect(json).toEqual({ version: first.version, epoch: first.epoch });
  expect(headers.get('cache-control')).toBe('no-store');
  expect(text).not.toContain(first.value);
});

test('after a roll-back it is the version that was left', async () => {
  const first = await world.rotate();
  const second = await world.rotate();
  await world.rollBack(first.version);
  expect((await ask()).json).toEqual({ version: second.version, epoch: second.epoch });
});

test('a compromised one is none, and an even older one is never given instead', async () => {
  await world.rotate();
  const second = await world.rotate();
  await world.rotate();
  await world.ledger.declareIncident({ incident: 'inc-1', versions: [second.version], who: 'os:test', why: 'leaked' });
  expect(await ask()).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
});

test('it is told to consumers of this credential alone', async () => {
  await world.rotate();
  expect((await world.ask('GET', `${base}/previous`)).status).toBe(403);
  expect((await world.ask('GET', '/v1/credentials/in-memory/dev/other/previous', { token })).status).toBe(403);
});
