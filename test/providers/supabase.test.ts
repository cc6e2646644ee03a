import { randomInt, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { Target } from '../../providers/provider.ts';
import { supabase, supabaseSettings, type SupabaseSettings } from '../../providers/supabase.ts';
import { bearer, rawClient } from '../fakes/raw-client.ts';
import type { SupabaseSettings as FakeSettings } from '../fakes/supabase/server.ts';
import { answeringServer, callNow, freshVersion, installation, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<FakeSettings>('supabase', 'supabase-keys.json');
type SupabaseTarget = Target<SupabaseSettings>;

const letters = () => Array.from({ length: 20 }, () => String.fromCharCode(97 + randomInt(26))).join('');
const settingsOf = (more: Partial<SupabaseSettings> = {}): SupabaseSettings =>
  supabaseSettings.parse({
    project: letters(),
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, callTimeout: 8_000 },
    ...more,
  });
const target = (more: Partial<SupabaseSettings> = {}): SupabaseTarget =>
  targetOf(settingsOf({ baseUrl: world().policed, projectUrl: world().fake.url, ...more }), world().fake.adminKey);
const at = (url: string, one: SupabaseTarget) => changed(one, { baseUrl: url, projectUrl: url });
const ours = async (one: SupabaseTarget) => (await supabase().list(one, callNow())).filter(({ tag }) => tag);
const admin = () => rawClient(world().policed, bearer(world().fake.adminKey));

const provider = supabase();
const credential = parseCredentialId('supabase/test/support-bot');
const plan = async (one: SupabaseTarget, version = freshVersion()) => {
  const { place } = await provider.preflight(one, { credential, version, keep: [], free: [] }, callNow());
  return { credential, version, place };
};
const make = async (one: SupabaseTarget) => provider.issue(one, await plan(one), callNow());

describe('supabase keeps the provider contract', () => {
  // A project has its legacy pair from its first day: the kit looks at what is beside it.
  const beside = (): ReturnType<typeof supabase> => ({
    ...provider,
    list: async (one, call) =>
      (await provider.list(one, call)).filter(({ ref }) => !['anon', 'service_role'].includes(ref.id)),
  });
  const suite = providerSuite<SupabaseSettings>({
    create: beside,
    settings: settingsOf(),
    target: () => target(),
    unreachable: (one) => at(world().nowhere, one),
    loseAnswer: () => world().fake.faults({ drop: { create: 1 } }),
    // The official description takes no other form of id.
    unknownRef: () => ({ id: randomUUID() }),
  });
  for (const one of suite) test(one.name, () => one.run());
});

test('the legacy pair and other keys are listed without a tag', async () => {
  const listed = await provider.list(target(), callNow());
  expect(listed.map(({ ref, tag }) => [ref.id, tag])).toEqual([
    ['anon', undefined],
    ['service_role', undefined],
  ]);
});

test('a full project is CAPACITY_EXHAUSTED before anything is made', async () => {
  await expect(plan(target({ maxLive: 2 }))).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
});

test('a create whose answer was lost is shown again: the same key, and no second one', async () => {
  const one = target();
  const request = await plan(one);
  await world().fake.faults({ drop: { create: 1 } });
  await expect(provider.issue(one, request, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  const [lost] = await ours(one);
  const again = await provider.issue(one, request, callNow());
  expect(again.ref).toEqual(lost?.ref);
  expect(await provider.verify(one, again.material, callNow())).toBe('accepted');
  expect(lost?.tag).toEqual({ installation, version: request.version });
});

test('what leaked is deleted as compromised, what was rotated is not', async () => {
  const one = target();
  const [leaked, old] = [await make(one), await make(one)];
  await provider.revoke(one, leaked.ref, callNow({ urgent: true }));
  await provider.revoke(one, old.ref, callNow());
  expect(await world().fake.control('GET', '/deletions')).toEqual(
    expect.arrayContaining([
      { id: leaked.ref.id, compromised: 'true', reason: 'compromised' },
      { id: old.ref.id, compromised: 'false', reason: 'rotated' },
    ]),
  );
});

test.each([404, 400] as const)(
  'a key that is gone, however the vendor says it (%i), is success',
  async (goneStatus) => {
    await world().fake.settings({ goneStatus });
    const one = target();
    const { ref } = await make(one);
    await provider.revoke(one, ref, callNow());
    await provider.revoke(one, ref, callNow());
    await expect(provider.recover(one, ref, callNow())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  },
);

test('404 for a key that the list still shows is no success', async () => {
  const one = target();
  const { ref } = await make(one);
  await world().fake.faults({ failNext: { operation: 'delete', count: 1, status: 404 } });
  await expect(provider.revoke(one, ref, callNow())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await ours(one)).toHaveLength(1);
});

test('a delete whose answer is lost is AMBIGUOUS, and again is success', async () => {
  const one = target();
  const { ref, material } = await make(one);
  await world().fake.faults({ drop: { delete: 1 } });
  await expect(provider.revoke(one, ref, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await provider.revoke(one, ref, callNow());
  expect(await provider.verify(one, material, callNow())).toBe('refused');
});

test("a 401 that is not the vendor's own is no refusal", async () => {
  const { material } = await make(target());
  const gate = await answeringServer(401, '<html>sign in</html>');
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
      provider.recover(one, ref, callNow()),
    ]);
    expect(allThrew).toBe(true);
    for (const value of [world().fake.adminKey, ...world().fake.values]) expect(text).not.toContain(value);
  }
});

test('the fake, by a client that knows nothing of us: shown as often as one likes, deleted, and the legacy pair off', async () => {
  const path = `/v1/projects/${letters()}/api-keys`;
  const made = (await admin()('POST', `${path}?reveal=true`, { type: 'secret', name: 'raw_key' })).body;
  expect((await admin()('GET', `${path}/${made.id}?reveal=true`)).body.api_key).toBe(made.api_key);
  expect((await admin()('GET', `${path}/${made.id}`)).body.api_key).not.toBe(made.api_key);
  // The official description stands in front: a name with a hyphen never reaches the fake.
  expect((await admin()('POST', path, { type: 'secret', name: 'raw-key' })).status).toBe(422);
  expect((await admin()('DELETE', `${path}/${made.id}?was_compromised=true`)).status).toBe(200);
  expect((await admin()('PUT', `${path}/legacy?enabled=false`)).body).toEqual({ enabled: false });
  expect((await rawClient(world().policed, bearer('sbp_nobody'))('GET', path)).status).toBe(401);
});

test('the kill switch turns the legacy pair off, again is success, and no other key hears of it', async () => {
  const one = target();
  const { material } = await make(one);
  const legacy = provider.killSwitches['legacy-keys'];
  if (legacy === undefined) throw new Error('the adapter has no such switch');
  const ids = (await legacy.reach(one, callNow())).keys.map(({ ref }) => ref.id);
  expect(ids).toEqual(['anon', 'service_role']);
  await legacy.pull(one, callNow());
  await legacy.pull(one, callNow());
  expect(await legacy.reach(one, callNow())).toEqual({ pulled: true, keys: [] });
  expect(await provider.verify(one, material, callNow())).toBe('accepted');
  expect(legacy.undo(one)).toContain(one.settings.project);
});

test('a good key that may not ask is forbidden, which is alive', async () => {
  const one = target();
  const { material } = await make(one);
  await world().fake.faults({ failNext: { operation: 'settings', count: 1, status: 403 } });
  expect(await provider.verify(one, material, callNow())).toBe('forbidden');
  expect(await provider.verify(one, material, callNow())).toBe('accepted');
});
