import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { declaredProvider, shippedDeclaration, type DeclaredSettings } from '../../providers/http.ts';
import type { Target } from '../../providers/provider.ts';
import type { DeclaredVendorsSettings } from '../fakes/declared-vendors/server.ts';
import { rawClient } from '../fakes/raw-client.ts';
import { answeringServer, callNow, freshVersion, installation, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<DeclaredVendorsSettings>('declared-vendors');
const create = () => declaredProvider(shippedDeclaration('elevenlabs'));
const provider = create();

const settingsOf = (more: Readonly<Record<string, unknown>> = {}): DeclaredSettings =>
  provider.settingsSchema.parse({
    ...{ hosts: { api: 'http://127.0.0.1:1' }, serviceAccount: randomUUID() },
    ...{ permissions: ['user_read', 'text_to_speech'], characterLimit: 5_000 },
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, usageLag: 0, callTimeout: 8_000 },
    ...more,
  });
const at = (api: string, one: Target<DeclaredSettings>) => changed(one, { hosts: { api } });
const target = (more: Readonly<Record<string, unknown>> = {}) =>
  targetOf(settingsOf({ hosts: { api: world().fake.url }, ...more }), world().fake.adminKey);
const raw = (key: string) => rawClient(world().fake.url, { 'xi-api-key': key });

const credential = parseCredentialId('elevenlabs/test/reader');
const make = async (one: Target<DeclaredSettings>, version = freshVersion()) => {
  const { place } = await provider.preflight(one, { credential, version, keep: [], free: [] }, callNow());
  return provider.issue(one, { credential, version, place }, callNow());
};

describe('elevenlabs, as declared, keeps the provider contract', () => {
  const suite = providerSuite<DeclaredSettings>({
    create,
    settings: settingsOf({ maxLive: 3 }),
    target: () => target({ maxLive: 3 }),
    unreachable: (one) => at(world().nowhere, one),
    silent: (one) => at(world().silent, one),
    loseAnswer: () => world().fake.faults({ drop: { create: 1 } }),
    async use(_, material) {
      await raw(material.revealValue())('GET', '/v1/user');
      return { isOpen: () => false };
    },
  });
  for (const one of suite) test(one.name, () => one.run());
});

test('a key has its permissions, its limit and its addresses from the start', async () => {
  const one = target({ allowedIps: ['10.0.0.0/24'] });
  const { ref } = await make(one);
  const path = `/v1/service-accounts/${String(one.settings['serviceAccount'])}/api-keys`;
  const listed = (await raw(world().fake.adminKey)('GET', path)).body['api-keys'];
  expect(listed).toMatchObject([
    {
      key_id: ref.id,
      permissions: ['user_read', 'text_to_speech'],
      character_limit: 5_000,
      allowed_ips: ['10.0.0.0/24'],
    },
  ]);
});

test('what nothing limits must be asked for openly', () => {
  const open = { hosts: { api: 'https://api.elevenlabs.io' }, serviceAccount: 'sa1' };
  const fits = (more: object) => provider.settingsSchema.safeParse({ ...open, ...more }).success;
  expect(fits({})).toBe(false);
  expect(fits({ permissions: 'all' })).toBe(false);
  expect(fits({ permissions: 'all', characterLimit: null })).toBe(true);
  expect(fits({ permissions: 'everything', characterLimit: null })).toBe(false);
});

test('a key that may not read its user is alive', async () => {
  const one = target({ permissions: ['text_to_speech'] });
  expect(await provider.verify(one, (await make(one)).material, callNow())).toBe('forbidden');
});

test("a 401 that is not the vendor's own is no refusal", async () => {
  const { material } = await make(target());
  for (const body of ['{"error":"sign in"}', '{"detail":{"status":"quota_exceeded"}}']) {
    const gate = await answeringServer(401, body);
    const verdict = provider.verify(at(gate.url, target()), material, callNow());
    await expect(verdict).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await gate.stop();
  }
});

test('an answer without the list is an error, not an empty place', async () => {
  const gate = await answeringServer(200, '{"keys":[]}');
  await expect(provider.list(at(gate.url, target()), callNow())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await gate.stop();
});

test('a created key that cannot be read from the answer is AMBIGUOUS', async () => {
  const one = target();
  const version = freshVersion();
  const { place } = await provider.preflight(one, { credential, version, keep: [], free: [] }, callNow());
  const gate = await answeringServer(200, '{"api-keys":[],"key_id":"k1"}');
  const issuing = provider.issue(at(gate.url, one), { credential, version, place }, callNow());
  await expect(issuing).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await gate.stop();
});

test('a create that commits after its caller gave up is found by its tag and killed', async () => {
  const one = target({ callTimeout: 1_500 });
  const version = freshVersion();
  await world().fake.faults({ delay: { create: 600_000 } });
  await expect(make(one, version)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await world().fake.faults({ delay: {} });
  await expect.poll(() => provider.list(one, callNow()), { timeout: 20_000 }).toHaveLength(1);
  const [late] = await provider.list(one, callNow());
  expect(late?.tag).toEqual({ installation, version });
  if (late !== undefined) await provider.revoke(one, late.ref, callNow());
  expect(await provider.list(one, callNow())).toEqual([]);
});

test.each(['delete', 'update'] as const)('a lost answer to %s is AMBIGUOUS, and again is success', async (lost) => {
  const one = target();
  const { ref, material } = await make(one);
  const act = () =>
    lost === 'delete' ? provider.revoke(one, ref, callNow()) : provider.suspend?.(one, ref, callNow());
  await world().fake.faults({ drop: { [lost]: 1 } });
  await expect(act()).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await act();
  expect(await provider.verify(one, material, callNow())).toBe('refused');
});

test('404 for a key that the list still shows is no success', async () => {
  const one = target();
  const { ref } = await make(one);
  await world().fake.faults({ failNext: { operation: 'delete', count: 1, status: 404 } });
  await expect(provider.revoke(one, ref, callNow())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('what it issues looks like what its pattern says', async () => {
  expect((await make(target())).material.revealValue()).toMatch(provider.material.pattern ?? /never^/);
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const one = target();
  const { ref } = await make(one);
  for (const status of [400, 401, 403, 404, 422, 429, 500]) {
    await world().fake.faults({ secretInErrors: true, failNext: { count: 20, status } });
    const { text, allThrew } = await toldBy([
      make(one),
      provider.list(one, callNow()),
      provider.revoke(one, ref, callNow()),
      provider.usage?.(one, ref, callNow()) ?? Promise.resolve(),
    ]);
    expect(allThrew).toBe(true);
    for (const value of [world().fake.adminKey, ...world().fake.values]) expect(text).not.toContain(value);
  }
});

test('the fake, by a client that knows nothing of us: made, disabled, brought back, deleted, and policed', async () => {
  const path = '/v1/service-accounts/raw/api-keys';
  const admin = raw(world().fake.adminKey);
  const made = (await admin('POST', path, { name: 'raw', permissions: 'all' })).body;
  const current = async () => (await raw(made.xi_api_key)('GET', '/v1/user')).status;
  expect(await current()).toBe(200);
  await admin('PATCH', `${path}/${made.key_id}`, { is_enabled: false });
  expect(await current()).toBe(401);
  await admin('PATCH', `${path}/${made.key_id}`, { is_enabled: true });
  expect(await current()).toBe(200);
  expect((await admin('DELETE', `${path}/${made.key_id}`)).status).toBe(200);
  expect([await current(), (await admin('DELETE', `${path}/${made.key_id}`)).status]).toEqual([401, 404]);
  expect((await admin('POST', path, { name: 'raw' })).status).toBe(422);
  expect((await admin('POST', path, { name: 'raw', permissions: 'all', nonsense: 1 })).status).toBe(422);
  expect((await admin('GET', `${path}?page=1`)).status).toBe(422);
});
