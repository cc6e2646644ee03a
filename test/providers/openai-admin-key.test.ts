import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import {
  openAiAdminKey,
  openAiAdminKeySettings,
  type OpenAiAdminKeySettings,
} from '../../providers/openai-admin-key.ts';
import type { Target } from '../../providers/provider.ts';
import type { OpenAiSettings as FakeSettings } from '../fakes/openai/state.ts';
import { bearer, rawClient } from '../fakes/raw-client.ts';
import { answeringServer, callNow, freshVersion, installation, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<FakeSettings>('openai', 'openai-admin-keys.yaml');
type AdminTarget = Target<OpenAiAdminKeySettings>;

const settingsOf = (more: Partial<OpenAiAdminKeySettings> = {}): OpenAiAdminKeySettings =>
  openAiAdminKeySettings.parse({
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, usageLag: 0, callTimeout: 8_000 },
    ...more,
  });
const target = (more: Partial<OpenAiAdminKeySettings> = {}): AdminTarget =>
  targetOf(settingsOf({ baseUrl: world().policed, ...more }), world().fake.adminKey);
const at = (baseUrl: string, one: AdminTarget) => changed(one, { baseUrl });
const asAdmin = (one: AdminTarget, material: SecretMaterial): AdminTarget => ({ ...one, admin: async () => material });

const provider = openAiAdminKey();
const credential = parseCredentialId('openai-admin-key/test/root');
const make = async (one: AdminTarget, version = freshVersion(), expiresAt?: number) => {
  const { place } = await provider.preflight(one, { credential, version, keep: [], free: [] }, callNow());
  return provider.issue(one, { credential, version, place, ...(expiresAt && { expiresAt }) }, callNow());
};
const listed = async (id: string) => (await provider.list(target(), callNow())).some(({ ref }) => ref.id === id);
/** The organisation is one for the whole file: every test leaves it as empty as it was. */
const emptied = async () => {
  for (const { ref } of await provider.list(target(), callNow())) await provider.revoke(target(), ref, callNow());
};

describe('openai-admin-key keeps the provider contract', () => {
  const suite = providerSuite<OpenAiAdminKeySettings>({
    create: openAiAdminKey,
    settings: settingsOf({ maxLive: 3 }),
    async target() {
      await emptied();
      return target({ maxLive: 3 });
    },
    unreachable: (one) => at(world().nowhere, one),
    silent: (one) => at(world().silent, one),
    async use(_, material) {
      await rawClient(world().fake.url, bearer(material.revealValue()))('GET', '/organization/admin_api_keys');
      return { isOpen: () => false };
    },
    loseAnswer: () => world().fake.faults({ drop: { 'admin-create': 1 } }),
  });
  for (const one of suite) test(one.name, () => one.run());
});

test('a new admin key makes and deletes admin keys, its own maker among them', async () => {
  const first = await make(target());
  const second = await make(asAdmin(target(), first.material));
  await provider.revoke(asAdmin(target(), second.material), first.ref, callNow());
  expect(await provider.verify(target(), first.material, callNow())).toBe('refused');
  expect(await provider.verify(target(), second.material, callNow())).toBe('accepted');
  await emptied();
});

test('a dead admin key as the admin is ACCESS_DENIED, and never an answer', async () => {
  const { ref, material } = await make(target());
  await provider.revoke(target(), ref, callNow());
  const one = asAdmin(target(), material);
  await expect(provider.list(one, callNow())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  await expect(provider.revoke(one, ref, callNow())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
});

test('a create that commits after its caller gave up is found by its tag and killed', async () => {
  const one = target({ callTimeout: 1_500 });
  const version = freshVersion();
  await world().fake.faults({ delay: { 'admin-create': 600_000 } });
  await expect(make(one, version)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await world().fake.faults({ delay: {} });
  await expect.poll(() => provider.list(one, callNow()), { timeout: 20_000 }).toHaveLength(1);
  const [late] = await provider.list(one, callNow());
  expect(late?.tag).toEqual({ installation, version });
  if (late !== undefined) await provider.revoke(one, late.ref, callNow());
  expect(await provider.list(one, callNow())).toEqual([]);
});

test('a delete whose answer is lost is AMBIGUOUS, and again is success', async () => {
  const { ref } = await make(target());
  await world().fake.faults({ drop: { 'admin-delete': 1 } });
  await expect(provider.revoke(target(), ref, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await provider.revoke(target(), ref, callNow());
  expect(await listed(ref.id)).toBe(false);
});

test('404 for a key that the list still shows is no success', async () => {
  const { ref } = await make(target());
  await world().fake.faults({ failNext: { operation: 'admin-delete', count: 1, status: 404 } });
  await expect(provider.revoke(target(), ref, callNow())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await emptied();
});

test('403 is alive, 401 is not, and a 401 that is not the vendor’s own is neither', async () => {
  const { material } = await make(target());
  await world().fake.faults({ failNext: { operation: 'admin-list', count: 1, status: 403 } });
  expect(await provider.verify(target(), material, callNow())).toBe('forbidden');
  const gate = await answeringServer(401, '<html>sign in to the network</html>');
  await expect(provider.verify(at(gate.url, target()), material, callNow())).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  await gate.stop();
  await emptied();
});

test('every page is read', async () => {
  const direct = rawClient(world().fake.url, bearer(world().fake.adminKey));
  for (let many = 0; many < 101; many += 1) await direct('POST', '/organization/admin_api_keys', { name: `n${many}` });
  expect(await provider.list(target(), callNow())).toHaveLength(101);
  await emptied();
});

test('an expiry is set and told, and one beyond the vendor’s year is cut to it', async () => {
  const soon = Date.now() + 3_600_000;
  expect((await make(target(), freshVersion(), soon)).expiresAt).toBeGreaterThanOrEqual(soon - 2_000);
  const far = await make(target(), freshVersion(), Date.now() + 3 * 31_536_000_000);
  expect(far.expiresAt).toBeLessThan(Date.now() + 31_600_000_000);
  await emptied();
});

test('what it issues looks like what its pattern says', async () => {
  expect((await make(target())).material.revealValue()).toMatch(provider.material.pattern ?? /never^/);
  await emptied();
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const one = at(world().fake.url, target());
  const { ref } = await make(one);
  for (const status of [400, 401, 403, 404, 409, 429, 500]) {
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
  await world().fake.reset();
  await emptied();
});

test('the command that kills by hand keeps an odd id one word, and the admin key out of the arguments', () => {
  const command = provider.killByHand(target(), { id: "key_1'; $(reboot)" }).split('\n').at(-1) ?? '';
  expect(command).toContain('"$OPENAI_ADMIN_KEY" | curl ');
  expect(command.slice(command.indexOf('http')).split('/').at(-1)).toMatch(/^[\w.%-]+$/);
});
