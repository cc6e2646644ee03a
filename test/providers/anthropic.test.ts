import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { anthropic } from '../../providers/anthropic.ts';
import { anthropicSettings, type AnthropicSettings } from '../../providers/anthropic/settings.ts';
import type { AdoptRequest, Issued, Target } from '../../providers/provider.ts';
import type { AnthropicSettings as FakeSettings } from '../fakes/anthropic/state.ts';
import { freePort } from '../fakes/prism.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import { answeringServer, callNow, freshVersion, installation, silentServer, targetOf } from './provider-target.ts';

// No official description of this API is published that a validating proxy could use: the fake is met directly.
let fake: RunningFake<FakeSettings>;
let silent: Awaited<ReturnType<typeof silentServer>>;
let nowhere: string;
let workspaces = 0;

beforeAll(async () => {
  fake = await startFake<FakeSettings>('anthropic');
  silent = await silentServer();
  nowhere = `http://127.0.0.1:${await freePort()}`;
});
afterEach(() => fake.reset());
afterAll(() => Promise.all([silent?.stop(), fake?.stop()]));

type AnthropicTarget = Target<AnthropicSettings>;
const settings = (more: Partial<AnthropicSettings> = {}): AnthropicSettings =>
  anthropicSettings.parse({
    workspace: `wrkspc_${(workspaces += 1)}`,
    ...{ createSpread: 0, revokeSpread: 0, callTimeout: 8_000 },
    ...more,
  });
const target = (more: Partial<AnthropicSettings> = {}): AnthropicTarget =>
  targetOf(settings({ baseUrl: fake.url, ...more }), fake.adminKey);
const at = (baseUrl: string, one: AnthropicTarget) => ({ ...one, settings: { ...one.settings, baseUrl } });
const materialOf = (value: string) => new SecretMaterial({ api_key: value }, 'api_key');

/** What a person does in the console. */
async function inConsole(one: AnthropicTarget, more: object = {}): Promise<{ id: string; material: SecretMaterial }> {
  // The control port is ours: its answers have the shape written beside it.
  const made = (await fake.control('POST', '/keys', {
    name: 'support bot',
    workspace: one.settings.workspace,
    ...more,
  })) as { id: string; value: string };
  return { id: made.id, material: materialOf(made.value) };
}

const credential = parseCredentialId('anthropic/test/support-bot');
const adopt = (one: AnthropicTarget, material: SecretMaterial, more: Partial<AdoptRequest> = {}): Promise<Issued> =>
  anthropic().adopt(one, { credential, version: freshVersion(), material, known: [], ...more }, callNow());
const listed = async (one: AnthropicTarget, id: string) =>
  (await anthropic().list(one, callNow())).find(({ ref }) => ref.id === id);

describe('anthropic keeps the provider contract', () => {
  const suite = providerSuite<AnthropicSettings>({
    create: anthropic,
    settings: settings(),
    target: () => target({ maxLive: 3 }),
    unreachable: (one) => at(nowhere, one),
    silent: (one) => at(silent.url, one),
    supply: async (one) => (await inConsole(one)).material,
  });
  for (const one of suite) test(one.name, () => one.run());
});

test('a key of another workspace is refused before it is stored, and left as it is', async () => {
  const one = target();
  const elsewhere = await inConsole(target());
  const request = { version: undefined, material: elsewhere.material, known: [] };
  await expect(anthropic().examine(one, request, callNow())).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
  const own = await inConsole(one);
  await anthropic().examine(one, { ...request, material: own.material }, callNow());
  expect(await listed(one, own.id)).not.toHaveProperty('tag');
});

describe('adopt', () => {
  test('puts the tag before the name that the operator gave', async () => {
    const one = target();
    const version = freshVersion();
    const supplied = await inConsole(one);
    expect((await adopt(one, supplied.material, { version })).ref).toEqual({ id: supplied.id });
    expect(await listed(one, supplied.id)).toMatchObject({
      tag: { installation, version },
      hint: expect.stringContaining(`${installation}:${version} support bot`),
    });
  });

  test('tells the expiry that the operator chose', async () => {
    const one = target();
    const supplied = await inConsole(one, { expiresInSeconds: 3_600 });
    expect((await adopt(one, supplied.material)).expiresAt).toBeGreaterThan(Date.now());
  });

  test('refuses two keys that their hints cannot tell apart, and renames neither', async () => {
    const one = target();
    const first = await inConsole(one);
    const second = await inConsole(one, { likeKey: first.id });
    await expect(adopt(one, second.material)).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    expect(await listed(one, second.id)).not.toHaveProperty('tag');
    // With the other one known there is no doubt left.
    const known = [{ id: first.id }];
    expect((await adopt(one, second.material, { known })).ref).toEqual({ id: second.id });
  });

  test('refuses a key that carries another version or another installation', async () => {
    const one = target();
    const supplied = await inConsole(one);
    await adopt(one, supplied.material);
    await expect(adopt(one, supplied.material)).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    await expect(adopt({ ...one, installation: 'other1' }, supplied.material)).rejects.toMatchObject({
      code: 'VERIFICATION_FAILED',
    });
  });

  test('refuses a key of another workspace, and one that is not active, and leaves both as they are', async () => {
    const one = target();
    const elsewhere = await inConsole(target());
    await expect(adopt(one, elsewhere.material)).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    expect(await anthropic().verify(one, elsewhere.material, callNow())).toBe('accepted');
    const inactive = await inConsole(one);
    await anthropic().suspend(one, { id: inactive.id }, callNow());
    await expect(adopt(one, inactive.material)).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    expect((await listed(one, inactive.id))?.disabled).toBe(true);
  });

  test('whose answer is lost is AMBIGUOUS, and again is success', async () => {
    const one = target();
    const version = freshVersion();
    const supplied = await inConsole(one);
    await fake.faults({ drop: { update: 1 } });
    await expect(adopt(one, supplied.material, { version })).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    expect((await adopt(one, supplied.material, { version })).ref).toEqual({ id: supplied.id });
  });
});

test('a revoke whose answer is lost is AMBIGUOUS, and again is success', async () => {
  const one = target();
  const supplied = await inConsole(one);
  await fake.faults({ drop: { update: 1 } });
  await expect(anthropic().revoke(one, { id: supplied.id }, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await anthropic().revoke(one, { id: supplied.id }, callNow());
  expect(await listed(one, supplied.id)).toBeUndefined();
});

test('400 or 404 for a key that the list shows as alive is no success', async () => {
  const one = target();
  const supplied = await inConsole(one);
  for (const status of [400, 404]) {
    await fake.faults({ failNext: { operation: 'update', count: 1, status } });
    await expect(anthropic().revoke(one, { id: supplied.id }, callNow())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  }
  expect(await anthropic().verify(one, supplied.material, callNow())).toBe('accepted');
});

test('suspend never touches an archived key', async () => {
  const one = target();
  const supplied = await inConsole(one);
  await anthropic().revoke(one, { id: supplied.id }, callNow());
  const before = (await fake.activity()).requests.length;
  await anthropic().suspend(one, { id: supplied.id }, callNow());
  const sent = (await fake.activity()).requests.slice(before).map(({ operation }) => operation);
  expect(sent).toEqual(['get']);
});

test("resuming beyond the vendor's limit is CAPACITY_EXHAUSTED", async () => {
  const one = target();
  const supplied = await inConsole(one);
  await anthropic().suspend(one, { id: supplied.id }, callNow());
  await fake.settings({ workspaceLimit: 0 });
  await expect(anthropic().resume(one, { id: supplied.id }, callNow())).rejects.toMatchObject({
    code: 'CAPACITY_EXHAUSTED',
    message: expect.stringContaining('workspace_api_key_limit_exceeded'),
  });
});

test('more keys than a page holds are all listed', async () => {
  const one = target();
  for (let made = 0; made < 103; made += 1) await inConsole(one);
  expect(await anthropic().list(one, callNow())).toHaveLength(103);
});

test("an admin key shown as a consumer's is forbidden, which is alive", async () => {
  expect(await anthropic().verify(target(), materialOf(fake.adminKey), callNow())).toBe('forbidden');
});

test("a 401 that is not the vendor's own is no refusal", async () => {
  const gate = await answeringServer(401, '{"message":"sign in to the network"}');
  const asked = anthropic().verify(at(gate.url, target()), materialOf('sk-ant-api03-canary'), callNow());
  await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await gate.stop();
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const one = target();
  const supplied = await inConsole(one);
  for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 503]) {
    await fake.faults({ secretInErrors: true, failNext: { count: 9, status } });
    const ended = await Promise.allSettled([
      adopt(one, supplied.material),
      anthropic().list(one, callNow()),
      anthropic().resume(one, { id: supplied.id }, callNow()),
      anthropic().revoke(one, { id: supplied.id }, callNow()),
    ]);
    const reasons = ended.map((each) => (each.status === 'rejected' ? (each.reason as Error) : undefined));
    expect(reasons).not.toContain(undefined);
    const told = reasons.map((reason) => `${reason?.stack} ${String(reason?.cause)}`).join();
    for (const value of [fake.adminKey, supplied.material.revealValue()]) expect(told).not.toContain(value);
  }
});

test('what the console gives looks like what the pattern says', async () => {
  expect((await inConsole(target())).material.revealValue()).toMatch(anthropic().material.pattern ?? /never^/);
});
