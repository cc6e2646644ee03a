import { afterEach, beforeEach, expect, test } from 'vitest';
import { missingEvidence } from '../../../domain/gate.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import { base, credential, openWorld, until } from './world.ts';
import type { World } from './world.ts';

let world: World;
let token: string;
let first: { version: VersionId; epoch: number; value: string };
beforeEach(async () => {
  world = await openWorld(['web']);
  token = await world.token('web');
  first = await world.rotate();
});
afterEach(() => world.close());

const boot = 'boot-1';
const register = (instance: string, given: { boot?: string; lease?: number; as?: string } = {}) =>
  world.ask('PUT', `${base}/instances/${instance}`, {
    token: given.as ?? token,
    body: { boot: given.boot ?? boot, lease: given.lease ?? 60_000 },
  });

interface Proving {
  version: VersionId;
  epoch: number;
  value: string;
  instance: string;
  madeFor?: string;
  boot?: string;
  as?: string;
}
const prove = ({ version, epoch, value, instance, madeFor = instance, as = token, ...rest }: Proving) =>
  world.ask('POST', `${base}/proofs`, {
    token: as,
    body: {
      version,
      epoch,
      instance,
      boot: rest.boot ?? boot,
      proof: world.proofFor({ value, version, epoch, consumer: 'web', instance: madeFor }),
    },
  });

const report = (what: string, instance: string, version: VersionId, epoch: number) =>
  world.ask('POST', `${base}/reports`, { token, body: { what, version, epoch, instance, boot } });

/** Line 3 of GATE, as a rotation would ask it. */
const missing = async () => missingEvidence(await world.ledger.evidence(credential), await world.ledger.clock());

test('a proof is recorded as possession, and the one reaching zero wakes the rotation', async () => {
  await register('a');
  await register('b');
  expect((await prove({ ...first, instance: 'a' })).json).toEqual({
    version: first.version,
    epoch: first.epoch,
    missing: 1,
  });
  expect(world.wakes).toEqual([]);
  expect((await prove({ ...first, instance: 'b' })).json).toMatchObject({ missing: 0 });
  expect(await missing()).toEqual([]);
  await until('the rotation is woken', () => world.wakes.length === 1);
  const { evidence } = await world.ledger.evidence(credential);
  expect(evidence.map(({ consumer, instance, kind }) => `${consumer}/${String(instance)} ${kind}`).sort()).toEqual([
    'web/a possession',
    'web/b possession',
  ]);
});

test('the same proof again changes nothing and is answered the same', async () => {
  await register('a');
  const once = await prove({ ...first, instance: 'a' });
  const twice = await prove({ ...first, instance: 'a' });
  expect([twice.status, twice.json]).toEqual([once.status, once.json]);
  expect((await world.ledger.evidence(credential)).evidence).toHaveLength(1);
});

test('a proof replayed by another instance is refused', async () => {
  await register('a');
  await register('b');
  await prove({ ...first, instance: 'a' });
  const replayed = await prove({ ...first, instance: 'b', madeFor: 'a' });
  expect([replayed.status, replayed.json]).toMatchObject([422, { code: 'VERIFICATION_FAILED' }]);
  expect(await missing()).toMatchObject([{ instance: 'b', why: 'not proved' }]);
});

test('a proof with the old value is refused', async () => {
  await register('a');
  const second = await world.rotate();
  const answer = await prove({ ...second, value: first.value, instance: 'a' });
  expect([answer.status, answer.json]).toMatchObject([422, { code: 'VERIFICATION_FAILED' }]);
  const oldVersion = await prove({ ...first, epoch: second.epoch, instance: 'a' });
  expect(oldVersion.status).toBe(422);
  expect(await missing()).toHaveLength(1);
});

test('a proof of an older epoch is refused, and does not count for the newest', async () => {
  await register('a');
  const second = await world.rotate();
  expect((await prove({ ...first, instance: 'a' })).status).toBe(409);
  expect((await prove({ ...second, instance: 'a' })).json).toMatchObject({ missing: 0 });
});

test('after a roll-back the old version is proved anew, under the new epoch', async () => {
  await register('a');
  await prove({ ...first, instance: 'a' });
  await world.rotate();
  const back = await world.rollBack(first.version);
  expect(back.epoch).toBe(3);
  expect(await missing()).toHaveLength(1);
  expect((await prove({ ...first, epoch: back.epoch, instance: 'a' })).json).toMatchObject({ missing: 0 });
});

test('a proof counts from the decision on, before the vault shows the version', async () => {
  await register('a');
  const version = await world.issue();
  const epoch = await world.decide(version, 'requested');
  const value = world.values.at(-1) ?? '';
  expect((await prove({ version, epoch, value, instance: 'a' })).json).toMatchObject({ missing: 0 });
});

test('a reported fall-back withdraws the evidence, and a later proof brings it back', async () => {
  await register('a');
  const second = await world.rotate();
  await prove({ ...second, instance: 'a' });
  expect((await report('fell-back', 'a', first.version, second.epoch)).status).toBe(200);
  expect(await missing()).toMatchObject([{ instance: 'a', why: 'withdrawn' }]);
  expect((await prove({ ...second, instance: 'a' })).json).toMatchObject({ missing: 0 });
  expect(await missing()).toEqual([]);
});

test('a reported refusal withdraws the evidence too', async () => {
  await register('a');
  await prove({ ...first, instance: 'a' });
  expect((await report('refused', 'a', first.version, first.epoch)).status).toBe(200);
  expect(await missing()).toMatchObject([{ instance: 'a', why: 'withdrawn' }]);
});

test('a late joiner counts', async () => {
  await register('a');
  await prove({ ...first, instance: 'a' });
  expect(await missing()).toEqual([]);
  await register('late');
  expect(await missing()).toMatchObject([{ instance: 'late', why: 'not proved' }]);
});

test('an instance that has left is not waited for', async () => {
  await register('a');
  await register('b');
  await prove({ ...first, instance: 'a' });
  expect((await world.ask('DELETE', `${base}/instances/b?boot=${boot}`, { token })).status).toBe(204);
  expect(await missing()).toEqual([]);
});

test('a later boot of the same name is blocked while the lease of the earlier one runs, and can prove nothing for it', async () => {
  await register('a');
  const later = await register('a', { boot: 'boot-2' });
  expect([later.status, later.json]).toMatchObject([409, { code: 'CONFLICT' }]);
  expect((await prove({ ...first, instance: 'a', boot: 'boot-2' })).status).toBe(409);
  expect(await missing()).toHaveLength(1);
  expect((await world.ask('DELETE', `${base}/instances/a?boot=boot-2`, { token })).status).toBe(409);
});

test('a later boot replaces one whose lease has lapsed', async () => {
  await register('a', { lease: 100 });
  await until('the lease lapses', async () => (await register('a', { boot: 'boot-2' })).status === 200);
  expect((await prove({ ...first, instance: 'a', boot: 'boot-2' })).json).toMatchObject({ missing: 0 });
  expect((await prove({ ...first, instance: 'a', boot })).status).toBe(409);
});

test('a lapsed lease decides nothing: it blocks until the instance proves or leaves', async () => {
  await register('a', { lease: 100 });
  await register('b');
  await prove({ ...first, instance: 'b' });
  await until('the lease lapses', async () => (await missing())[0]?.why === 'lease lapsed');
  await world.ask('DELETE', `${base}/instances/a`, { token });
  expect(await missing()).toEqual([]);
});

test('an instance that never registered proves nothing', async () => {
  expect((await prove({ ...first, instance: 'a' })).status).toBe(409);
  expect((await report('refused', 'a', first.version, first.epoch)).status).toBe(409);
});

test('while the ledger is down a proof gets 503 with a time to retry, and counts after the retry', async () => {
  await register('a');
  world.state.ledgerDown = true;
  const down = await prove({ ...first, instance: 'a' });
  expect([down.status, down.json]).toMatchObject([503, { code: 'UNAVAILABLE' }]);
  expect(Number(down.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(down.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  world.state.ledgerDown = false;
  expect(await missing()).toHaveLength(1);
  expect((await prove({ ...first, instance: 'a' })).json).toMatchObject({ missing: 0 });
  expect(await missing()).toEqual([]);
});

test('a wake that fails costs the proof nothing and is tried again', async () => {
  await register('a');
  world.state.wakeFails = true;
  expect((await prove({ ...first, instance: 'a' })).json).toMatchObject({ missing: 0 });
  await until('the wake was tried', () => world.wakes.length >= 1);
  world.state.wakeFails = false;
  await until('it is tried again', () => world.wakes.length >= 2);
});

test('the token of another consumer makes no proof for this one', async () => {
  await world.apply(['web', 'batch']);
  await register('a');
  const answer = await prove({ ...first, instance: 'a', as: await world.token('batch') });
  expect(answer.status).toBe(422);
});
