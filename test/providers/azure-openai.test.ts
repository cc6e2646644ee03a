import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { Ref } from '../../domain/facts.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { azureOpenAi } from '../../providers/azure-openai.ts';
import { accountPath } from '../../providers/azure-openai/api.ts';
import { azureOpenAiSettings, type AzureOpenAiSettings } from '../../providers/azure-openai/settings.ts';
import type { Target } from '../../providers/provider.ts';
import type { AzureOpenAiSettings as FakeSettings } from '../fakes/azure-openai/state.ts';
import { answeringServer, callNow, freshVersion, installation, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

// No description of these calls that a validating proxy could use is at hand: the fake is met directly.
const world = vendorWorld<FakeSettings>('azure-openai');
type AzureTarget = Target<AzureOpenAiSettings>;

let accounts = 0;
const id = (digit: number) => `00000000-0000-0000-0000-00000000000${digit}`;
const settingsOf = (more: Partial<AzureOpenAiSettings> = {}): AzureOpenAiSettings => {
  const account = `account-${(accounts += 1)}`;
  return azureOpenAiSettings.parse({
    ...{ tenant: id(1), client: id(2), subscription: id(3), resourceGroup: 'rg-(test)', account },
    endpoint: `https://${account}.openai.azure.com`,
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, callTimeout: 8_000 },
    ...more,
  });
};
const control = (target: AzureTarget, verb: string, more: object = {}) =>
  world().fake.control('POST', verb, { path: accountPath(target.settings), ...more });

/** A new account, whose keys nobody holds unless told otherwise. */
async function accountTarget({ held = false } = {}): Promise<AzureTarget> {
  const { url, adminKey } = world().fake;
  const settings = settingsOf({ managementUrl: url, loginUrl: url });
  const target = targetOf({ ...settings, endpoint: `${url}/data/${settings.account}` }, adminKey);
  // The control port is ours: its answers have the shape written beside it.
  const { ends } = (await control(target, '/accounts')) as { ends: string[] };
  return held ? target : changed(target, { idle: ends });
}
const reveal = async (target: AzureTarget) => (await control(target, '/reveal')) as { key1: string; key2: string };
const at = (url: string, target: AzureTarget) => changed(target, { managementUrl: url, loginUrl: url, endpoint: url });

describe('azure-openai keeps the provider contract', () => {
  const suite = providerSuite<AzureOpenAiSettings>({
    create: azureOpenAi,
    settings: settingsOf(),
    target: () => accountTarget(),
    unreachable: (target) => at(world().nowhere, target),
    silent: (target) => at(world().silent, target),
    loseAnswer: () => world().fake.faults({ drop: { regenerate: 1 } }),
    eraseMark: async (target) => void (await control(target, '/untag')),
  });
  for (const one of suite) test(one.name, () => one.run());
});

const credential = parseCredentialId('azure-openai/test/support-bot');
const provider = azureOpenAi();
const make = async (target: AzureTarget, keep: readonly Ref[] = [], version = freshVersion()) => {
  const { place, replaces } = await provider.preflight(target, { credential, version, keep, free: [] }, callNow());
  const request = { credential, version, place, ...(replaces !== undefined && { replaces }) };
  return { ...(await provider.issue(target, request, callNow())), request };
};
const verdict = (target: AzureTarget, value: string) =>
  provider.verify(target, new SecretMaterial({ api_key: value }, 'api_key'), callNow());

test('a slot that somebody may hold is never issued over, and is listed as nobody', async () => {
  const target = await accountTarget({ held: true });
  await expect(make(target)).rejects.toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('import') });
  expect(await provider.list(target, callNow())).toMatchObject([{ ref: { id: 'Key1' } }, { ref: { id: 'Key2' } }]);
  const own = `${accountPath(target.settings)}/regenerateKey`;
  expect((await world().fake.activity()).requests.filter(({ path }) => path === own)).toEqual([]);
});

test('import marks the slot that holds just this value; the other is used once its end is declared', async () => {
  const held = await accountTarget({ held: true });
  const { key1, key2 } = await reveal(held);
  const target = changed(held, { idle: [key2.slice(-4)] });
  const version = freshVersion();
  const material = new SecretMaterial({ api_key: key1 }, 'api_key');
  const adopted = await provider.adopt(target, { credential, version, material, known: [] }, callNow());
  expect(adopted.ref).toEqual({ id: 'Key1', mark: `${installation}:${version}` });
  const next = await make(target, [adopted.ref]);
  expect(next.ref.id).toBe('Key2');
  expect([await verdict(target, key1), await verdict(target, key2)]).toEqual(['accepted', 'refused']);
});

test('a declared end is void once the slot was issued into, whoever regenerates it later', async () => {
  const target = await accountTarget();
  const first = await make(target);
  await control(target, '/regenerate', { slot: first.ref.id });
  await expect(provider.revoke(target, first.ref, callNow())).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(make(target, [{ id: 'Key2' }])).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('the same version again is shown its value again, and nothing is regenerated', async () => {
  const target = await accountTarget();
  const { material, request } = await make(target);
  const before = (await world().fake.activity()).requests.length;
  const again = await provider.issue(target, request, callNow());
  expect(again.material.revealValue()).toBe(material.revealValue());
  const sent = (await world().fake.activity()).requests.slice(before).map(({ operation }) => operation);
  expect(sent).not.toContain('regenerate');
});

test('a slot whose issue died between its mark and the regeneration holds nobody, and a new version takes it', async () => {
  const target = await accountTarget();
  await world().fake.faults({ failNext: { operation: 'regenerate', count: 1, status: 500 } });
  await expect(make(target)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  expect(await provider.list(target, callNow())).toEqual([]);
  expect((await make(target)).ref.id).toBe('Key1');
});

test('a regeneration that commits after its caller gave up is found under its mark, and killed', async () => {
  const target = changed(await accountTarget(), { callTimeout: 1_500 });
  const version = freshVersion();
  await world().fake.faults({ delay: { regenerate: 600_000 } });
  await expect(make(target, [], version)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await world().fake.faults({ delay: {} });
  await expect.poll(() => provider.list(target, callNow()), { timeout: 20_000 }).toHaveLength(1);
  const [late] = await provider.list(target, callNow());
  expect(late?.tag).toEqual({ installation, version });
  const { key1 } = await reveal(target);
  if (late !== undefined) await provider.revoke(target, late.ref, callNow());
  expect(await verdict(target, key1)).toBe('refused');
  expect(await provider.list(target, callNow())).toEqual([]);
});

test('a revoke whose answer is lost is AMBIGUOUS, and again is success without a second regeneration', async () => {
  const target = await accountTarget();
  const { ref, material } = await make(target);
  await world().fake.faults({ drop: { regenerate: 1 } });
  await expect(provider.revoke(target, ref, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  const before = await reveal(target);
  await provider.revoke(target, ref, callNow());
  expect(await reveal(target)).toEqual(before);
  expect(await verdict(target, material.revealValue())).toBe('refused');
});

test('a late issue of a revoked version is CONFLICT and regenerates nothing', async () => {
  const target = await accountTarget();
  const { ref, request } = await make(target);
  await provider.revoke(target, ref, callNow());
  const before = await reveal(target);
  await expect(provider.issue(target, request, callNow())).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await reveal(target)).toEqual(before);
});

test('other tags of the account stay, and no tag holds a value', async () => {
  const target = await accountTarget();
  const { material } = await make(target);
  const { tags } = (await control(target, '/account')) as { tags: Record<string, string> };
  expect(Object.keys(tags)).toEqual(['keybaton-Key1']);
  expect(JSON.stringify(tags)).not.toContain(material.revealValue());
});

test('where keys are switched off altogether every key is refused, and no rotation begins', async () => {
  const target = await accountTarget();
  const { ref, material } = await make(target);
  // What the kill switch of `killByHand` sends.
  const { url, adminKey } = world().fake;
  const form = { grant_type: 'client_credentials', client_secret: adminKey, client_id: target.settings.client };
  const signedIn = await fetch(`${url}/${target.settings.tenant}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({ ...form, scope: 'https://management.azure.com/.default' }),
  });
  // As the vendor's page describes the answer.
  const { access_token: token } = (await signedIn.json()) as { access_token: string };
  const path = new URL(`${url}${accountPath(target.settings)}?api-version=2025-09-01`);
  await fetch(path, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ properties: { disableLocalAuth: true } }),
  });
  expect(await verdict(target, material.revealValue())).toBe('refused');
  await expect(make(target, [ref])).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
});

test('403 of the firewall, and 401 of something else in between, say nothing of a key', async () => {
  const target = await accountTarget();
  const { material } = await make(target);
  await world().fake.settings({ firewall: true });
  await expect(provider.verify(target, material, callNow())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const gate = await answeringServer(401, '<html>sign in to the network</html>');
  await expect(provider.verify(at(gate.url, target), material, callNow())).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  await gate.stop();
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const target = await accountTarget();
  const { ref } = await make(target);
  for (const status of [400, 401, 403, 404, 409, 429, 500, 503]) {
    await world().fake.faults({ secretInErrors: true, failNext: { count: 30, status } });
    const { text, allThrew } = await toldBy([
      make(target, [ref]),
      provider.list(target, callNow()),
      provider.revoke(target, ref, callNow()),
      provider.recover(target, ref, callNow()),
    ]);
    expect(allThrew).toBe(true);
    for (const value of [world().fake.adminKey, ...world().fake.values]) expect(text).not.toContain(value);
  }
});

describe('kill switches', () => {
  const switchNamed = (name: string) => {
    const found = provider.killSwitches[name];
    if (found === undefined) throw new Error(`the adapter has no ${name}`);
    return found;
  };
  const [keysOff, regenerateBoth] = [switchNamed('keys-off'), switchNamed('regenerate-both')];

  test('keys-off refuses every key of the account, says how it is taken back, and again is success', async () => {
    const target = await accountTarget();
    const { ref, material } = await make(target);
    expect(await keysOff.reach(target, callNow())).toMatchObject({ pulled: false, keys: [{ ref }] });
    await keysOff.pull(target, callNow());
    await keysOff.pull(target, callNow());
    expect(await provider.verify(target, material, callNow())).toBe('refused');
    expect(await keysOff.reach(target, callNow())).toEqual({ pulled: true, keys: [] });
    expect(keysOff.undo(target)).toContain(target.settings.account);
  });

  test('regenerate-both ends what both slots hold, ours as dead and a foreign one too, and nothing of another account', async () => {
    const held = await accountTarget({ held: true });
    const elsewhere = await accountTarget();
    const other = await make(elsewhere);
    const { key1, key2 } = await reveal(held);
    const target = changed(held, { idle: [key2.slice(-4)] });
    const made = await make(target, [{ id: 'Key1' }]);
    expect(await regenerateBoth.reach(target, callNow())).toMatchObject({
      pulled: false,
      keys: [{ ref: { id: 'Key1' } }, { ref: made.ref, tag: { version: made.request.version } }],
    });
    await regenerateBoth.pull(target, callNow());
    for (const value of [key1, made.material.revealValue()]) expect(await verdict(target, value)).toBe('refused');
    await provider.revoke(target, made.ref, callNow());
    expect((await provider.list(target, callNow())).map(({ ref }) => ref.id)).toEqual(['Key1']);
    expect(await verdict(elsewhere, other.material.revealValue())).toBe('accepted');
  });

  test('regenerate-both whose answer is lost is AMBIGUOUS, and pulled again ends the rest', async () => {
    const target = await accountTarget();
    const first = await make(target);
    const second = await make(target, [first.ref]);
    await world().fake.faults({ drop: { regenerate: 1 } });
    await expect(regenerateBoth.pull(target, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    await regenerateBoth.pull(target, callNow());
    for (const { material } of [first, second]) expect(await verdict(target, material.revealValue())).toBe('refused');
    expect(await regenerateBoth.reach(target, callNow())).toEqual({ pulled: true, keys: [] });
  });
});
