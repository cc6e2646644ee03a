import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { Target } from '../../providers/provider.ts';
import { qdrantCloud, qdrantCloudSettings, type QdrantCloudSettings } from '../../providers/qdrant-cloud.ts';
import { rawClient } from '../fakes/raw-client.ts';
import type { QdrantCloudSettings as FakeSettings } from '../fakes/qdrant-cloud/server.ts';
import { answeringServer, callNow, freshVersion, installation, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<FakeSettings>('qdrant-cloud', 'qdrant-cloud-dbkeys.swagger.json');
type QdrantTarget = Target<QdrantCloudSettings>;

const settingsOf = (more: Partial<QdrantCloudSettings> = {}): QdrantCloudSettings =>
  qdrantCloudSettings.parse({
    ...{ account: randomUUID(), cluster: randomUUID(), clusterUrl: 'https://cluster.example.com:6333' },
    access: [{ collection: 'docs', access: 'read-only' }],
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, callTimeout: 8_000 },
    ...more,
  });
const target = (more: Partial<QdrantCloudSettings> = {}): QdrantTarget => {
  const { fake, policed } = world();
  return targetOf(settingsOf({ baseUrl: policed, clusterUrl: `${fake.url}/cluster`, ...more }), fake.adminKey);
};
const at = (url: string, one: QdrantTarget) => changed(one, { baseUrl: url, clusterUrl: url });

const provider = qdrantCloud();
const credential = parseCredentialId('qdrant-cloud/test/search');
const make = async (one: QdrantTarget, version = freshVersion(), expiresAt?: number) => {
  const { place } = await provider.preflight(one, { credential, version, keep: [], free: [] }, callNow());
  return provider.issue(one, { credential, version, place, ...(expiresAt && { expiresAt }) }, callNow());
};

describe('qdrant-cloud keeps the provider contract', () => {
  const suite = providerSuite<QdrantCloudSettings>({
    create: qdrantCloud,
    settings: settingsOf({ maxLive: 3 }),
    target: () => target({ maxLive: 3 }),
    unreachable: (one) => at(world().nowhere, one),
    loseAnswer: () => world().fake.faults({ drop: { create: 1 } }),
  });
  for (const one of suite) test(one.name, () => one.run());
});

test.each([
  ['everything' as const, [{ globalAccess: { accessType: 'GLOBAL_ACCESS_RULE_ACCESS_TYPE_MANAGE' } }]],
  ['read-everything' as const, [{ globalAccess: { accessType: 'GLOBAL_ACCESS_RULE_ACCESS_TYPE_READ_ONLY' } }]],
  [
    [{ collection: 'docs', access: 'read-write' as const }],
    [
      {
        collectionAccess: {
          collectionName: 'docs',
          accessType: 'COLLECTION_ACCESS_RULE_ACCESS_TYPE_READ_WRITE',
        },
      },
    ],
  ],
])('access %j is asked for as the vendor says it', async (access, rules) => {
  const { ref } = await make(target({ access }));
  expect(await world().fake.control('POST', '/rules', { id: ref.id })).toEqual(rules);
});

test('the whole database is never given by default', () => {
  const { access: _access, ...rest } = settingsOf();
  expect(qdrantCloudSettings.safeParse(rest).success).toBe(false);
});

test('the expiry that was asked for is told', async () => {
  const expiresAt = Date.now() + 3_600_000;
  expect((await make(target(), freshVersion(), expiresAt)).expiresAt).toBe(expiresAt);
});

test('a create that commits after its caller gave up is found by its name and killed', async () => {
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

test('a delete whose answer is lost is AMBIGUOUS, and again is success', async () => {
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

test('a 401 of something that is not Qdrant is no refusal', async () => {
  const { material } = await make(target());
  const gate = await answeringServer(401, '{"title":"sign in"}');
  const asked = provider.verify(at(gate.url, target()), material, callNow());
  await expect(asked).rejects.toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|ACCESS_DENIED/) });
  await gate.stop();
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const one = changed(target(), { baseUrl: world().fake.url });
  const { ref } = await make(one);
  for (const status of [400, 401, 403, 404, 429, 500]) {
    await world().fake.faults({ secretInErrors: true, failNext: { count: 20, status } });
    const { text, allThrew } = await toldBy([
      make(one),
      provider.list(one, callNow()),
      provider.revoke(one, ref, callNow()),
    ]);
    expect(allThrew).toBe(true);
    for (const value of [world().fake.adminKey, ...world().fake.values]) expect(text).not.toContain(value);
  }
});

test('the fake, by a client that knows nothing of us: made, used, deleted for its cluster alone', async () => {
  const { fake, policed } = world();
  const admin = rawClient(policed, { authorization: `apikey ${fake.adminKey}` });
  const path = `/api/cluster/auth/v2/accounts/${randomUUID()}/database-api-keys`;
  const clusterId = randomUUID();
  const made = (await admin('POST', path, { databaseApiKey: { name: 'raw', clusterId } })).body;
  expect(made.code).toBe(3);
  const { key, id } = (await admin('POST', path, { databaseApiKey: { name: 'raw key', clusterId } })).body
    .databaseApiKey;
  const collections = async () =>
    (await fetch(`${fake.url}/cluster/collections`, { headers: { 'api-key': key } })).status;
  expect(await collections()).toBe(200);
  expect((await admin('DELETE', `${path}/${id}?clusterId=${randomUUID()}`)).status).toBe(404);
  expect((await admin('DELETE', `${path}/${id}?clusterId=${clusterId}`)).status).toBe(200);
  expect(await collections()).toBe(401);
});

test('a good key that may not ask is forbidden, which is alive', async () => {
  const one = target();
  const { material } = await make(one);
  await world().fake.faults({ failNext: { operation: 'collections', count: 1, status: 403 } });
  expect(await provider.verify(one, material, callNow())).toBe('forbidden');
  expect(await provider.verify(one, material, callNow())).toBe('accepted');
});
