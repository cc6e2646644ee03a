import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { pinecone, pineconeSettings, type PineconeSettings } from '../../providers/pinecone.ts';
import type { Target } from '../../providers/provider.ts';
import type { PineconeSettings as FakeSettings } from '../fakes/pinecone/server.ts';
import { answeringServer, callNow, freshVersion, installation, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<FakeSettings>('pinecone', 'pinecone-admin-2026-04.yaml');
type PineconeTarget = Target<PineconeSettings>;

const settingsOf = (more: Partial<PineconeSettings> = {}): PineconeSettings =>
  pineconeSettings.parse({
    ...{ project: randomUUID(), roles: ['ProjectViewer'] },
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, callTimeout: 8_000 },
    ...more,
  });
function target(more: Partial<PineconeSettings> = {}): PineconeTarget {
  const { fake, policed } = world();
  const settings = settingsOf({ adminUrl: policed, loginUrl: fake.url, apiUrl: fake.url, ...more });
  const admin = new SecretMaterial({ client_id: 'service-account', client_secret: fake.adminKey }, 'client_secret');
  return { ...targetOf(settings, fake.adminKey), admin: async () => admin };
}
const at = (url: string, one: PineconeTarget) => changed(one, { adminUrl: url, loginUrl: url, apiUrl: url });

const provider = pinecone();
const credential = parseCredentialId('pinecone/test/search');
const make = async (one: PineconeTarget, version = freshVersion()) => {
  const { place } = await provider.preflight(one, { credential, version, keep: [], free: [] }, callNow());
  return provider.issue(one, { credential, version, place }, callNow());
};

describe('pinecone keeps the provider contract', () => {
  const suite = providerSuite<PineconeSettings>({
    create: pinecone,
    settings: settingsOf({ maxLive: 3 }),
    target: () => target({ maxLive: 3 }),
    unreachable: (one) => at(world().nowhere, one),
    loseAnswer: () => world().fake.faults({ drop: { create: 1 } }),
    // The official description takes no other form of id.
    unknownRef: () => ({ id: randomUUID() }),
  });
  for (const one of suite) test(one.name, () => one.run());
});

test('a key has just the roles that the target says, and none is given by default', async () => {
  const { material } = await make(target({ roles: ['DataPlaneViewer'] }));
  // It may not list indexes: authentic, and alive.
  expect(await provider.verify(target(), material, callNow())).toBe('forbidden');
  expect(pineconeSettings.safeParse({ project: randomUUID() }).success).toBe(false);
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

test('an admin credential without its two fields says which are needed', async () => {
  const bare = { ...target(), admin: async () => new SecretMaterial({ value: 'x'.repeat(40) }, 'value') };
  await expect(provider.list(bare, callNow())).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining('client_secret'),
  });
});

test('what the service account may do beyond this project’s keys is told, as far as it may read that itself', async () => {
  const one = target();
  const { project } = one.settings;
  const own = { resource_type: 'project', resource_id: project, role: 'ProjectEditor' } as const;
  const wide = { resource_type: 'organization', role: 'OrganizationOwner' } as const;
  await provider.list(one, callNow());
  await world().fake.settings({ rootRoles: [own, wide] });
  expect(await provider.excess?.(one, callNow())).toEqual(
    expect.arrayContaining([
      'it reads the service accounts of the organization',
      'it is OrganizationOwner of the whole organization',
    ]),
  );
});

test('a service account that may read nothing else is no proof that it may do nothing else', async () => {
  const one = changed(target(), { adminUrl: world().fake.url });
  await world().fake.settings({ blind: true });
  await expect(provider.excess?.(one, callNow())).rejects.toMatchObject({ code: 'UNSUPPORTED' });
});

test("a 401 that is not the vendor's own is no refusal", async () => {
  const { material } = await make(target());
  const gate = await answeringServer(401, '{"message":"sign in"}');
  await expect(provider.verify(at(gate.url, target()), material, callNow())).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  await gate.stop();
});

test('what it issues looks like what its pattern says', async () => {
  expect((await make(target())).material.revealValue()).toMatch(provider.material.pattern ?? /never^/);
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const one = changed(target(), { adminUrl: world().fake.url });
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

test('the fake, by a client that knows nothing of us: signs in, makes, refuses what it does not know', async () => {
  const { fake, policed } = world();
  const json = (url: string, method: string, body?: object, headers = {}) =>
    fetch(url, {
      method,
      headers: { 'content-type': 'application/json', 'x-pinecone-api-version': '2026-04', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
  const form = { grant_type: 'client_credentials', client_id: 'a', audience: 'https://api.pinecone.io/' };
  expect((await json(`${fake.url}/oauth/token`, 'POST', { ...form, client_secret: 'wrong' })).status).toBe(401);
  const signedIn = await json(`${fake.url}/oauth/token`, 'POST', { ...form, client_secret: fake.adminKey });
  // As the vendor's page describes the answer.
  const { access_token: token } = (await signedIn.json()) as { access_token: string };
  const authorization = { authorization: `Bearer ${token}` };
  const keys = `${policed}/admin/projects/${randomUUID()}/api-keys`;
  const made = await json(keys, 'POST', { name: 'raw', roles: ['ProjectEditor'] }, authorization);
  const { value, key } = (await made.json()) as { value: string; key: { id: string } };
  const indexes = async () => (await json(`${fake.url}/indexes`, 'GET', undefined, { 'api-key': value })).status;
  expect(await indexes()).toBe(200);
  expect((await json(`${policed}/admin/api-keys/${key.id}`, 'DELETE', undefined, authorization)).status).toBe(202);
  expect(await indexes()).toBe(401);
  expect((await json(keys, 'POST', { name: '' }, authorization)).status).toBe(422);
});
