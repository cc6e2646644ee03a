import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { bearerKey, cohere, mistral } from '../../providers/bearer-key.ts';
import { bearerKeySettings, type BearerKeySettings } from '../../providers/bearer-key/settings.ts';
import type { Provider, Target } from '../../providers/provider.ts';
import type { BearerVendorsSettings } from '../fakes/bearer-vendors/server.ts';
import { answeringServer, callNow, freshVersion, installation, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<BearerVendorsSettings>('bearer-vendors');
const quick = { createSpread: 0, revokeSpread: 0, callTimeout: 8_000 };
const materialOf = (value: string) => new SecretMaterial({ api_key: value }, 'api_key');

/** What a person does in the dashboard. */
async function supplied(more: { length?: number; organization?: string } = {}): Promise<SecretMaterial> {
  // The control port is ours: its answers have the shape written beside it.
  return materialOf(((await world().fake.control('POST', '/keys', more)) as { value: string }).value);
}

interface Settings {
  readonly baseUrl: string;
  readonly createSpread: number;
  readonly revokeSpread: number;
  readonly callTimeout: number;
}

function suiteOf<Own extends Settings>(create: () => Provider<Own>, settings: Own, length: number): void {
  describe(`${create().name} keeps the provider contract`, () => {
    const at = (url: string, target: Target<Own>): Target<Own> => ({
      ...target,
      settings: { ...target.settings, baseUrl: url },
    });
    const suite = providerSuite<Own>({
      create,
      settings,
      target: () => at(world().policed, targetOf(settings, world().fake.adminKey)),
      unreachable: (target) => at(world().nowhere, target),
      supply: () => supplied({ length }),
    });
    for (const one of suite) test(one.name, () => one.run());
  });
}

const generic = (more: Partial<BearerKeySettings> = {}): BearerKeySettings =>
  bearerKeySettings.parse({
    ...{ baseUrl: 'https://api.example.com', console: 'https://console.example.com', refused: 'detail' },
    ...quick,
    ...more,
  });
const knownSettings = { baseUrl: 'https://api.example.com', ...quick };

suiteOf(bearerKey, generic(), 32);
suiteOf(cohere, knownSettings, 40);
suiteOf(mistral, knownSettings, 32);

const cohereTarget = () => targetOf({ ...knownSettings, baseUrl: world().policed }, world().fake.adminKey);
const credential = parseCredentialId('cohere/test/search');
const adopt = (material: SecretMaterial) =>
  cohere().adopt(cohereTarget(), { credential, version: freshVersion(), material, known: [] }, callNow());

test('a key of another organization is refused, and left alone', async () => {
  const elsewhere = await supplied({ organization: 'org-else' });
  await expect(adopt(elsewhere)).rejects.toMatchObject({
    code: 'VERIFICATION_FAILED',
    message: expect.stringContaining('organization'),
  });
  expect(await cohere().verify(cohereTarget(), elsewhere, callNow())).toBe('accepted');
});

test('the control key itself, and what does not look like a key, are refused', async () => {
  await expect(adopt(materialOf(world().fake.adminKey))).rejects.toMatchObject({
    code: 'VERIFICATION_FAILED',
    message: expect.stringContaining('control key'),
  });
  const target = targetOf(generic({ baseUrl: world().policed, pattern: '^[a-z]{3}$' }), world().fake.adminKey);
  const request = { credential, version: freshVersion(), material: await supplied(), known: [] };
  await expect(bearerKey().adopt(target, request, callNow())).rejects.toMatchObject({
    code: 'VERIFICATION_FAILED',
    message: expect.stringContaining('look like'),
  });
});

describe('before a pasted value is stored', () => {
  const examine = (material: SecretMaterial) =>
    cohere().examine(cohereTarget(), { version: undefined, material, known: [] }, callNow());
  const refusal = (words: string) => ({ code: 'VERIFICATION_FAILED', message: expect.stringContaining(words) });

  test('a key of another organization and the control key itself are refused', async () => {
    await expect(examine(await supplied({ organization: 'org-else' }))).rejects.toMatchObject(refusal('organization'));
    await expect(examine(materialOf(world().fake.adminKey))).rejects.toMatchObject(refusal('control key'));
  });

  test('what does not have the shape that the target asks for is refused without asking the vendor', async () => {
    const target = targetOf(generic({ baseUrl: world().nowhere, pattern: '^[a-z]{3}$' }), world().fake.adminKey);
    const request = { version: undefined, material: await supplied(), known: [] };
    await expect(bearerKey().examine(target, request, callNow())).rejects.toMatchObject(refusal('look like'));
  });

  test('a key that is refused still may be new', async () => {
    const material = await supplied();
    await world().fake.control('POST', '/delete', { value: material.revealValue() });
    await examine(material);
    await expect(adopt(material)).rejects.toMatchObject(refusal('refused by the vendor'));
  });
});

test('revoke is UNSUPPORTED, says where a person goes, and changes nothing', async () => {
  const { ref, material } = await adopt(await supplied());
  await expect(cohere().revoke(cohereTarget(), ref, callNow())).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringContaining('https://dashboard.cohere.com/api-keys'),
  });
  expect(await cohere().verify(cohereTarget(), material, callNow())).toBe('accepted');
});

test('once a person has deleted the key it is refused', async () => {
  const { material } = await adopt(await supplied());
  await world().fake.control('POST', '/delete', { value: material.revealValue() });
  expect(await cohere().verify(cohereTarget(), material, callNow())).toBe('refused');
});

test('a good key that may not ask is forbidden, which is alive', async () => {
  const material = await supplied({ length: 32 });
  await world().fake.settings({ forbidden: [material.revealValue()] });
  const target = targetOf({ ...knownSettings, baseUrl: world().policed }, world().fake.adminKey);
  expect(await mistral().verify(target, material, callNow())).toBe('forbidden');
});

test('the steps for a person name the console, the target and the name to give, on one line', () => {
  const version = freshVersion();
  const steps = cohere().supplySteps(targetOf(knownSettings, 'unused'), version);
  for (const part of ['https://dashboard.cohere.com/api-keys', 'target-under-test', `${installation}-${version}`])
    expect(steps).toContain(part);
  expect(steps).not.toContain('\n');
});

test("a 401 and a 200 that are not the vendor's own say nothing of a key", async () => {
  const material = await supplied();
  for (const status of [200, 401]) {
    const gate = await answeringServer(status, '{"login":"here"}');
    const asked = cohere().verify(changed(cohereTarget(), { baseUrl: gate.url }), material, callNow());
    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await gate.stop();
  }
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const { ref, material } = await adopt(await supplied());
  for (const status of [400, 404, 429, 500]) {
    await world().fake.faults({ secretInErrors: true, failNext: { count: 9, status } });
    const { text, allThrew } = await toldBy([
      adopt(material),
      cohere().verify(cohereTarget(), material, callNow()),
      cohere().revoke(cohereTarget(), ref, callNow()),
    ]);
    expect(allThrew).toBe(true);
    for (const value of [world().fake.adminKey, material.revealValue()]) expect(text).not.toContain(value);
  }
});

test.each([
  [{ pattern: '[a-z]+' }, false],
  [{ pattern: '^(' }, false],
  [{ pattern: '^[a-z]+$' }, true],
  [{ path: '/v1/models?key=1' }, false],
  [{ header: 'X-Key\r\nHost' }, false],
])('settings %j are accepted: %s', (more, accepted) => {
  const given = { baseUrl: 'https://a.example.com', console: 'https://b.example.com', ...more };
  expect(bearerKeySettings.safeParse(given).success).toBe(accepted);
});
