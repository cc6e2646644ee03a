import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import {
  pineconeServiceAccount,
  pineconeServiceAccountSettings,
  type PineconeServiceAccountSettings,
} from '../../providers/pinecone-service-account.ts';
import type { Target } from '../../providers/provider.ts';
import type { PineconeSettings as FakeSettings } from '../fakes/pinecone/server.ts';
import { answeringServer, callNow, freshVersion, installation, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<FakeSettings>('pinecone', 'pinecone-admin-2026-04.yaml');
type AccountTarget = Target<PineconeServiceAccountSettings>;

const settingsOf = (more: Partial<PineconeServiceAccountSettings> = {}): PineconeServiceAccountSettings =>
  pineconeServiceAccountSettings.parse({
    projectRoles: { [randomUUID()]: ['ProjectEditor'] },
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, callTimeout: 8_000 },
    ...more,
  });
function target(more: Partial<PineconeServiceAccountSettings> = {}): AccountTarget {
  const { fake, policed } = world();
  const settings = settingsOf({ adminUrl: policed, loginUrl: fake.url, ...more });
  const admin = new SecretMaterial({ client_id: 'service-account', client_secret: fake.adminKey }, 'client_secret');
  return { ...targetOf(settings, fake.adminKey), admin: async () => admin };
}
const at = (url: string, one: AccountTarget) => changed(one, { adminUrl: url, loginUrl: url });
const asAdmin = (one: AccountTarget, material: SecretMaterial): AccountTarget => ({
  ...one,
  admin: async () => material,
});

const provider = pineconeServiceAccount();
const credential = parseCredentialId('pinecone-service-account/test/root');
const make = async (one: AccountTarget, version = freshVersion()) => {
  const { place } = await provider.preflight(one, { credential, version, keep: [], free: [] }, callNow());
  return provider.issue(one, { credential, version, place }, callNow());
};
/** Ours alone: the account that signs in was made by hand. */
const ours = async () => (await provider.list(target(), callNow())).filter(({ tag }) => tag !== undefined);
/** The organization is one for the whole file: every test leaves it as empty as it was. */
const emptied = async () => {
  for (const { ref } of await ours()) await provider.revoke(target(), ref, callNow());
};

describe('pinecone-service-account keeps the provider contract', () => {
  const suite = providerSuite<PineconeServiceAccountSettings>({
    create: pineconeServiceAccount,
    settings: settingsOf({ maxLive: 3 }),
    async target() {
      await emptied();
      return target({ maxLive: 3 });
    },
    unreachable: (one) => at(world().nowhere, one),
    loseAnswer: () => world().fake.faults({ drop: { 'create-account': 1 } }),
    // The official description takes no other form of id.
    unknownRef: () => ({ id: randomUUID() }),
  });
  for (const one of suite) test(one.name, () => one.run());
});

test('a new account makes and deletes accounts, its own maker among them', async () => {
  const first = await make(target());
  const second = await make(asAdmin(target(), first.material));
  await provider.revoke(asAdmin(target(), second.material), first.ref, callNow());
  expect(await provider.verify(target(), first.material, callNow())).toBe('refused');
  expect(await provider.verify(target(), second.material, callNow())).toBe('accepted');
  await emptied();
});

test('a dead account as the admin is ACCESS_DENIED, and never an answer', async () => {
  const { ref, material } = await make(target());
  await provider.revoke(target(), ref, callNow());
  await expect(provider.list(asAdmin(target(), material), callNow())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
});

test('an account without any role is refused before anything is made', async () => {
  const one = target({ projectRoles: {} });
  await expect(make(one)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  expect(await ours()).toEqual([]);
});

test('a create that commits after its caller gave up is found by its tag and deleted', async () => {
  const one = target({ callTimeout: 1_500 });
  const version = freshVersion();
  await world().fake.faults({ delay: { 'create-account': 600_000 } });
  await expect(make(one, version)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await world().fake.faults({ delay: {} });
  await expect.poll(ours, { timeout: 20_000 }).toHaveLength(1);
  const [late] = await ours();
  expect(late?.tag).toEqual({ installation, version });
  if (late !== undefined) await provider.revoke(one, late.ref, callNow());
  expect(await ours()).toEqual([]);
});

test('a delete whose answer is lost is AMBIGUOUS, and again is success', async () => {
  const { ref, material } = await make(target());
  await world().fake.faults({ drop: { 'delete-account': 1 } });
  await expect(provider.revoke(target(), ref, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await provider.revoke(target(), ref, callNow());
  expect(await provider.verify(target(), material, callNow())).toBe('refused');
});

test('404 for an account that the list still shows is no success', async () => {
  const { ref } = await make(target());
  await world().fake.faults({ failNext: { operation: 'delete-account', count: 1, status: 404 } });
  await expect(provider.revoke(target(), ref, callNow())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await emptied();
});

test('403 after the sign-in is alive, and a 401 that is not the sign-in’s own is no refusal', async () => {
  const { material } = await make(target());
  await world().fake.faults({ failNext: { operation: 'projects', count: 1, status: 403 } });
  expect(await provider.verify(target(), material, callNow())).toBe('forbidden');
  for (const body of ['{"message":"sign in"}', '{"error":"unsupported_grant_type"}']) {
    const gate = await answeringServer(401, body);
    const asked = provider.verify(at(gate.url, target()), material, callNow());
    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await gate.stop();
  }
  await emptied();
});

test('every page is read', async () => {
  await world().fake.settings({ mostPerPage: 2 });
  for (let many = 0; many < 5; many += 1) await make(target());
  expect(await ours()).toHaveLength(5);
  await emptied();
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const one = at(world().fake.url, target());
  const { ref } = await make(one);
  for (const status of [400, 401, 403, 404, 429, 500]) {
    await world().fake.faults({ secretInErrors: true, failNext: { count: 20, status } });
    const calls = [make(one), provider.list(one, callNow()), provider.revoke(one, ref, callNow())];
    const { text, allThrew } = await toldBy(calls);
    expect(allThrew).toBe(true);
    for (const value of [world().fake.adminKey, ...world().fake.values]) expect(text).not.toContain(value);
  }
  await world().fake.reset();
  await emptied();
});

test('the fake, by a client that knows nothing of us: an account signs in until it is deleted, with its tokens', async () => {
  const { fake, policed } = world();
  const json = (url: string, method: string, body?: object, headers = {}) =>
    fetch(url, {
      method,
      headers: { 'content-type': 'application/json', 'x-pinecone-api-version': '2026-04', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
  const signIn = async (client_id: string, client_secret: string) =>
    json(`${fake.url}/oauth/token`, 'POST', {
      ...{ grant_type: 'client_credentials', audience: 'https://api.pinecone.io/' },
      ...{ client_id, client_secret },
    });
  // As the vendor's pages describe the answers.
  const tokenOf = async (answer: Response) => {
    const { access_token } = (await answer.json()) as { access_token: string };
    return { authorization: `Bearer ${access_token}` };
  };
  const root = await tokenOf(await signIn('root', fake.adminKey));
  const made = await json(`${policed}/admin/service-accounts`, 'POST', { name: 'raw', role_bindings: [] }, root);
  const { service_account: account, client_secret: secret } = (await made.json()) as {
    service_account: { id: string; client_id: string };
    client_secret: string;
  };
  expect((await signIn('another', secret)).status).toBe(401);
  const own = await tokenOf(await signIn(account.client_id, secret));
  const projects = async () => (await json(`${policed}/admin/projects`, 'GET', undefined, own)).status;
  expect(await projects()).toBe(200);
  const remove = () => json(`${policed}/admin/service-accounts/${account.id}`, 'DELETE', undefined, root);
  expect([(await remove()).status, (await remove()).status]).toEqual([202, 404]);
  expect([await projects(), (await signIn(account.client_id, secret)).status]).toEqual([401, 401]);
  expect((await json(`${policed}/admin/service-accounts`, 'POST', {}, root)).status).toBe(422);
});
