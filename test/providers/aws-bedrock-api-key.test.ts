import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { awsBedrockApiKey } from '../../providers/aws-bedrock-api-key.ts';
import { awsBedrockSettings, type AwsBedrockSettings } from '../../providers/aws-bedrock-api-key/settings.ts';
import type { Target } from '../../providers/provider.ts';
import type { AwsSettings as FakeSettings } from '../fakes/aws/state.ts';
import { answeringServer, callNow, freshVersion, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<FakeSettings>('aws');
type BedrockTarget = Target<AwsBedrockSettings>;

let users = 0;
const settingsOf = (more: Partial<AwsBedrockSettings> = {}): AwsBedrockSettings =>
  awsBedrockSettings.parse({
    ...{ user: `bedrock-${(users += 1)}`, region: 'eu-central-1' },
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, callTimeout: 8_000 },
    ...more,
  });

async function bedrockTarget(): Promise<BedrockTarget> {
  const { url, adminKey } = world().fake;
  const settings = settingsOf({ iamUrl: url, bedrockUrl: url });
  // The control port is ours: its answers have the shape written beside it.
  const { adminId } = (await world().fake.control('POST', '/users', { user: settings.user })) as { adminId: string };
  const admin = new SecretMaterial({ access_key_id: adminId, secret_access_key: adminKey }, 'secret_access_key');
  return { ...targetOf(settings, adminKey), admin: async () => admin };
}
const at = (url: string, target: BedrockTarget) => changed(target, { iamUrl: url, bedrockUrl: url });

const provider = awsBedrockApiKey();
const credential = parseCredentialId('aws-bedrock-api-key/test/support-bot');
const make = async (target: BedrockTarget, expiresAt?: number) => {
  const version = freshVersion();
  const { place } = await provider.preflight(target, { credential, version, keep: [], free: [] }, callNow());
  return provider.issue(target, { credential, version, place, ...(expiresAt && { expiresAt }) }, callNow());
};

describe('aws-bedrock-api-key keeps the provider contract', () => {
  const suite = providerSuite<AwsBedrockSettings>({
    create: awsBedrockApiKey,
    settings: settingsOf(),
    target: bedrockTarget,
    unreachable: (target) => at(world().nowhere, target),
    loseAnswer: () => world().fake.faults({ drop: { create: 1 } }),
  });
  for (const one of suite) test(one.name, () => one.run());
});

test('a third key is refused, and an access key of the same user is none', async () => {
  const target = await bedrockTarget();
  await world().fake.control('POST', '/keys', { user: target.settings.user });
  await make(target);
  await make(target);
  await expect(make(target)).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
  expect(await provider.list(target, callNow())).toHaveLength(2);
});

test('an expiry is given in whole days, never less than was asked for, and told as AWS answers it', async () => {
  const expiresAt = Date.now() + 30.5 * 86_400_000;
  const made = await make(await bedrockTarget(), expiresAt);
  expect(made.expiresAt).toBeGreaterThanOrEqual(expiresAt);
  expect(made.expiresAt).toBeLessThan(expiresAt + 2 * 86_400_000);
});

test('what it issues looks like what its pattern says', async () => {
  const made = await make(await bedrockTarget());
  expect(made.material.revealValue()).toMatch(provider.material.pattern ?? /never^/);
});

test('a key that may not list models is forbidden, which is alive', async () => {
  const target = await bedrockTarget();
  const made = await make(target);
  await world().fake.settings({ denyUsers: true });
  expect(await provider.verify(target, made.material, callNow())).toBe('forbidden');
});

test("403 in other words than Bedrock's own says nothing of a key", async () => {
  const target = await bedrockTarget();
  const made = await make(target);
  const gate = await answeringServer(403, '{"message":"Forbidden"}');
  await expect(provider.verify(at(gate.url, target), made.material, callNow())).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  await gate.stop();
});

test('a delete whose answer is lost is AMBIGUOUS, and again is success', async () => {
  const target = await bedrockTarget();
  const made = await make(target);
  await world().fake.faults({ drop: { delete: 1 } });
  await expect(provider.revoke(target, made.ref, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await provider.revoke(target, made.ref, callNow());
  expect(await provider.list(target, callNow())).toEqual([]);
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const target = await bedrockTarget();
  const made = await make(target);
  await world().fake.settings({ echo: true });
  for (const status of [400, 403, 409, 429, 500]) {
    await world().fake.faults({ failNext: { count: 30, status } });
    const { text, allThrew } = await toldBy([make(target), provider.revoke(target, made.ref, callNow())]);
    expect(allThrew).toBe(true);
    for (const value of [world().fake.adminKey, ...world().fake.values]) expect(text).not.toContain(value);
  }
});
