import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { declaredProvider, shippedDeclaration, type DeclaredSettings } from '../../providers/http.ts';
import type { Target } from '../../providers/provider.ts';
import type { DeclaredVendorsSettings } from '../fakes/declared-vendors/server.ts';
import { bearer, rawClient } from '../fakes/raw-client.ts';
import { answeringServer, callNow, freshVersion, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<DeclaredVendorsSettings>('declared-vendors');

const vendors = [
  {
    name: 'fireworks' as const,
    own: () => ({ account: 'acme', user: `robot-${randomUUID()}` }),
    hosts: (url: string) => ({ api: url }),
    current: '/v1/accounts/fireworks/models',
    keys: ({ settings }: Target<DeclaredSettings>) =>
      `/v1/accounts/acme/users/${String(settings['user'])}/apiKeys?pageSize=200`,
    byHand: (number: number) => ({ apiKey: { displayName: `by hand ${number}` } }),
    wrong: { apiKey: { displayName: 'x', nonsense: 1 } },
    strangers: ['"sign in"', '{"message":"sign in"}'],
  },
  {
    name: 'xai' as const,
    own: () => ({
      team: randomUUID(),
      acls: ['api-key:model:grok-4', 'api-key:endpoint:chat'],
      requestsPerMinute: 100,
    }),
    hosts: (url: string) => ({ management: url, inference: url }),
    current: '/v1/api-key',
    keys: ({ settings }: Target<DeclaredSettings>) => `/auth/teams/${String(settings['team'])}/api-keys?pageSize=100`,
    byHand: (number: number) => ({ name: `by hand ${number}`, acls: [] }),
    wrong: { name: 'x', acls: ['everything'] },
    strangers: ['{"message":"sign in"}', '{}'],
  },
];

describe.each(vendors)('$name, as declared', (vendor) => {
  const create = () => declaredProvider(shippedDeclaration(vendor.name));
  const provider = create();
  const settingsOf = (more: Readonly<Record<string, unknown>> = {}): DeclaredSettings =>
    provider.settingsSchema.parse({
      ...{ hosts: vendor.hosts('http://127.0.0.1:1'), ...vendor.own() },
      ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, callTimeout: 8_000 },
      ...more,
    });
  const at = (url: string, one: Target<DeclaredSettings>) => changed(one, { hosts: vendor.hosts(url) });
  const target = (more: Readonly<Record<string, unknown>> = {}) =>
    targetOf(settingsOf({ hosts: vendor.hosts(world().fake.url), ...more }), world().fake.adminKey);
  const raw = (key: string) => rawClient(world().fake.url, bearer(key));
  const credential = parseCredentialId(`${vendor.name}/test/reader`);
  const make = async (one: Target<DeclaredSettings>, version = freshVersion(), expiresAt?: number) => {
    const { place } = await provider.preflight(one, { credential, version, keep: [], free: [] }, callNow());
    return provider.issue(one, { credential, version, place, ...(expiresAt && { expiresAt }) }, callNow());
  };

  const suite = providerSuite<DeclaredSettings>({
    create,
    settings: settingsOf({ maxLive: 3 }),
    target: () => target({ maxLive: 3 }),
    unreachable: (one) => at(world().nowhere, one),
    loseAnswer: () => world().fake.faults({ drop: { create: 1 } }),
  });
  for (const one of suite) test(one.name, () => one.run());

  test('a key has its expiry from the start', async () => {
    const expiresAt = Date.now() + 3_600_000;
    expect((await make(target(), freshVersion(), expiresAt)).expiresAt).toBe(expiresAt);
  });

  test('more keys than a page holds are all listed', async () => {
    const one = target();
    const path = vendor.keys(one).replace(/\?.*/, '');
    for (let count = 0; count < 103; count += 1) await raw(world().fake.adminKey)('POST', path, vendor.byHand(count));
    expect(await provider.list(one, callNow())).toHaveLength(103);
  });

  test("an answer that is not the vendor's own is no verdict", async () => {
    const { material } = await make(target());
    for (const [status, body] of vendor.strangers.flatMap((text) =>
      [400, 401, 403].map((one) => [one, text] as const),
    )) {
      const gate = await answeringServer(status, body);
      const verdict = provider.verify(at(gate.url, target()), material, callNow());
      await expect(verdict).rejects.toMatchObject({ name: 'KeybatonError' });
      await gate.stop();
    }
  });

  test('a good key that may not ask is forbidden, which is alive', async () => {
    const one = target();
    const { material } = await make(one);
    await world().fake.faults({ failNext: { operation: 'current', count: 1, status: 403 } });
    expect(await provider.verify(one, material, callNow())).toBe('forbidden');
    expect(await provider.verify(one, material, callNow())).toBe('accepted');
  });

  test('a lost answer to a revoke is AMBIGUOUS, and again is success', async () => {
    const one = target();
    const { ref, material } = await make(one);
    await world().fake.faults({ drop: { delete: 1 } });
    await expect(provider.revoke(one, ref, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    await provider.revoke(one, ref, callNow());
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
    for (const status of [400, 401, 403, 404, 429, 500]) {
      await world().fake.faults({ secretInErrors: true, failNext: { count: 20, status } });
      const calls = [make(one), provider.list(one, callNow()), provider.revoke(one, ref, callNow())];
      const { text, allThrew } = await toldBy(calls);
      expect(allThrew).toBe(true);
      for (const value of [world().fake.adminKey, ...world().fake.values]) expect(text).not.toContain(value);
    }
  });

  test('the fake, by a client that knows nothing of us, is policed', async () => {
    const path = vendor.keys(target());
    const admin = raw(world().fake.adminKey);
    const made = (await admin('POST', path.replace(/\?.*/, ''), vendor.byHand(0))).body;
    const value = made.key ?? made.apiKey;
    expect((await raw(value)('GET', vendor.current)).status).toBe(200);
    expect((await raw(`${value}x`)('GET', vendor.current)).status).toBeGreaterThanOrEqual(400);
    expect((await admin('POST', path.replace(/\?.*/, ''), vendor.wrong)).status).toBe(400);
    expect((await admin('GET', `${path}&nonsense=1`)).status).toBe(400);
    expect((await raw(value)('GET', path)).status).toBe(401);
  });
});
