import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { openRouter, openRouterSettings, type OpenRouterSettings } from '../../providers/openrouter.ts';
import type { Target } from '../../providers/provider.ts';
import { bearer, rawClient } from '../fakes/raw-client.ts';
import type { OpenRouterSettings as FakeSettings } from '../fakes/openrouter/server.ts';
import { randomUUID } from 'node:crypto';
import { answeringServer, callNow, freshVersion, installation, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<FakeSettings>('openrouter', 'openrouter-keys.yaml');
type RouterTarget = Target<OpenRouterSettings>;

const settingsOf = (more: Partial<OpenRouterSettings> = {}): OpenRouterSettings =>
  openRouterSettings.parse({
    ...{ workspace: randomUUID(), limit: 25, reset: 'monthly' },
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, usageLag: 0, callTimeout: 8_000 },
    ...more,
  });
const target = (more: Partial<OpenRouterSettings> = {}): RouterTarget =>
  targetOf(settingsOf({ baseUrl: world().policed, ...more }), world().fake.adminKey);
const at = (baseUrl: string, one: RouterTarget) => changed(one, { baseUrl });
/** What a consumer's call with this value gets, past every proxy. */
const current = async (value: string) => (await rawClient(world().fake.url, bearer(value))('GET', '/key')).status;
const admin = () => rawClient(world().policed, bearer(world().fake.adminKey));

const provider = openRouter();
const credential = parseCredentialId('openrouter/test/support-bot');
const make = async (one: RouterTarget, version = freshVersion(), expiresAt?: number) => {
  const { place } = await provider.preflight(one, { credential, version, keep: [], free: [] }, callNow());
  return provider.issue(one, { credential, version, place, ...(expiresAt && { expiresAt }) }, callNow());
};

describe('openrouter keeps the provider contract', () => {
  const suite = providerSuite<OpenRouterSettings>({
    create: openRouter,
    settings: settingsOf({ maxLive: 3 }),
    target: () => target({ maxLive: 3 }),
    unreachable: (one) => at(world().nowhere, one),
    loseAnswer: () => world().fake.faults({ drop: { create: 1 } }),
    async use(_, material) {
      await current(material.revealValue());
      return { isOpen: () => false };
    },
  });
  for (const one of suite) test(one.name, () => one.run());
});

test('a key has its limit, its period and its expiry from the start', async () => {
  const one = target();
  const expiresAt = Date.now() + 3_600_000;
  const made = await make(one, freshVersion(), expiresAt);
  expect(made.expiresAt).toBe(expiresAt);
  const { data } = (await admin()('GET', `/keys/${made.ref.id}`)).body;
  expect(data).toMatchObject({ limit: 25, limit_reset: 'monthly', workspace_id: one.settings.workspace });
});

test('a key without a limit must be asked for openly', () => {
  expect(openRouterSettings.safeParse({}).success).toBe(false);
  expect(openRouterSettings.safeParse({ limit: null }).success).toBe(true);
});

test('more keys than a page holds are all listed, disabled ones too', async () => {
  const one = target();
  for (let count = 0; count < 103; count += 1)
    await rawClient(world().fake.url, bearer(world().fake.adminKey))('POST', '/keys', {
      name: `by hand ${count}`,
      workspace_id: one.settings.workspace,
    });
  const [first] = await provider.list(one, callNow());
  if (first !== undefined) await provider.suspend(one, first.ref, callNow());
  const listed = await provider.list(one, callNow());
  expect(listed).toHaveLength(103);
  expect(listed.filter(({ disabled }) => disabled)).toHaveLength(1);
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
  const act = () => (lost === 'delete' ? provider.revoke(one, ref, callNow()) : provider.suspend(one, ref, callNow()));
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

test("a 401 that is not the vendor's own is no refusal", async () => {
  const { material } = await make(target());
  const gate = await answeringServer(401, '{"error":"sign in"}');
  await expect(provider.verify(at(gate.url, target()), material, callNow())).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  await gate.stop();
});

test('what it issues looks like what its pattern says', async () => {
  expect((await make(target())).material.revealValue()).toMatch(provider.material.pattern ?? /never^/);
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const one = at(world().fake.url, target());
  const { ref } = await make(one);
  for (const status of [400, 401, 403, 404, 429, 500]) {
    await world().fake.faults({ secretInErrors: true, failNext: { count: 20, status } });
    const { text, allThrew } = await toldBy([
      make(one),
      provider.list(one, callNow()),
      provider.revoke(one, ref, callNow()),
      provider.usage(one, ref, callNow()),
    ]);
    expect(allThrew).toBe(true);
    for (const value of [world().fake.adminKey, ...world().fake.values]) expect(text).not.toContain(value);
  }
});

test('the fake, by a client that knows nothing of us: made, disabled, brought back, deleted', async () => {
  const made = (await admin()('POST', '/keys', { name: 'raw' })).body;
  expect([await current(made.key), await current('sk-or-v1-nobody')]).toEqual([200, 401]);
  await admin()('PATCH', `/keys/${made.data.hash}`, { disabled: true });
  expect(await current(made.key)).toBe(401);
  await admin()('PATCH', `/keys/${made.data.hash}`, { disabled: false });
  expect(await current(made.key)).toBe(200);
  expect((await admin()('DELETE', `/keys/${made.data.hash}`)).body).toEqual({ deleted: true });
  expect((await admin()('DELETE', `/keys/${made.data.hash}`)).status).toBe(404);
  expect((await rawClient(world().policed, bearer(made.key))('GET', '/keys')).status).toBe(401);
});

test('a good key that may not ask is forbidden, which is alive', async () => {
  const one = target();
  const { material } = await make(one);
  await world().fake.faults({ failNext: { operation: 'current', count: 1, status: 403 } });
  expect(await provider.verify(one, material, callNow())).toBe('forbidden');
  expect(await provider.verify(one, material, callNow())).toBe('accepted');
});
