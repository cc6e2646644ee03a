import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { awsIam } from '../../providers/aws-iam.ts';
import { awsIamSettings, type AwsIamSettings } from '../../providers/aws-iam/settings.ts';
import type { Target } from '../../providers/provider.ts';
import type { AwsSettings as FakeSettings } from '../fakes/aws/state.ts';
import { callNow, freshVersion, targetOf } from './provider-target.ts';
import { changed, toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<FakeSettings>('aws');
type IamTarget = Target<AwsIamSettings>;

let users = 0;
const settingsOf = (more: Partial<AwsIamSettings> = {}): AwsIamSettings =>
  awsIamSettings.parse({
    user: `user-${(users += 1)}`,
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, usageLag: 0, callTimeout: 8_000 },
    ...more,
  });

async function iamTarget(): Promise<IamTarget> {
  const { url, adminKey } = world().fake;
  const settings = settingsOf({ iamUrl: url, stsUrl: url });
  // The control port is ours: its answers have the shape written beside it.
  const { adminId } = (await world().fake.control('POST', '/users', { user: settings.user })) as { adminId: string };
  const admin = new SecretMaterial({ access_key_id: adminId, secret_access_key: adminKey }, 'secret_access_key');
  return { ...targetOf(settings, adminKey), admin: async () => admin };
}
const at = (url: string, target: IamTarget) => changed(target, { iamUrl: url, stsUrl: url });

/** What a person does in the console. */
async function byHand({ settings: { user } }: IamTarget): Promise<SecretMaterial> {
  const { id, secret } = (await world().fake.control('POST', '/keys', { user })) as { id: string; secret: string };
  return new SecretMaterial({ access_key_id: id, secret_access_key: secret }, 'secret_access_key');
}

const provider = awsIam();
const credential = parseCredentialId('aws-iam/test/support-bot');
const preflight = (target: IamTarget) =>
  provider.preflight(target, { credential, version: freshVersion(), keep: [], free: [] }, callNow());
const make = async (target: IamTarget) => {
  const { place } = await preflight(target);
  return provider.issue(target, { credential, version: freshVersion(), place }, callNow());
};

describe('aws-iam keeps the provider contract', () => {
  const suite = providerSuite<AwsIamSettings>({
    create: awsIam,
    settings: settingsOf(),
    target: iamTarget,
    unreachable: (target) => at(world().nowhere, target),
    silent: (target) => at(world().silent, target),
    supply: byHand,
    loseAnswer: () => world().fake.faults({ drop: { create: 1 } }),
    async use(target, material) {
      await provider.verify(target, material, callNow());
      return { isOpen: () => false };
    },
  });
  for (const one of suite) test(one.name, () => one.run());
});

test('a third key is refused before it is asked for, and nothing is deleted to make room', async () => {
  const target = await iamTarget();
  const [first, second] = [await make(target), await make(target)];
  await expect(make(target)).rejects.toMatchObject({
    code: 'CAPACITY_EXHAUSTED',
    message: expect.stringContaining('keybaton never guesses which'),
  });
  const version = freshVersion();
  const place = target.settings.user;
  await expect(provider.issue(target, { credential, version, place }, callNow())).rejects.toMatchObject({
    code: 'CAPACITY_EXHAUSTED',
  });
  const left = (await provider.list(target, callNow())).map(({ ref }) => ref.id);
  expect(left).toEqual([first.ref.id, second.ref.id]);
});

test('an inactive key counts against the two, since AWS counts it', async () => {
  const target = await iamTarget();
  const [first] = [await make(target), await make(target)];
  await provider.suspend(target, first.ref, callNow());
  await expect(preflight(target)).rejects.toMatchObject({ message: expect.stringContaining('(inactive)') });
});

test('the secret of another key under this id, and a key of another user, are not adopted', async () => {
  const [target, other] = [await iamTarget(), await iamTarget()];
  const [own, foreign] = [await byHand(target), await byHand(other)];
  const mixed = new SecretMaterial(
    { access_key_id: own.reveal()['access_key_id'] ?? '', secret_access_key: foreign.revealValue() },
    'secret_access_key',
  );
  for (const material of [mixed, foreign]) {
    const request = { credential, version: freshVersion(), material, known: [] };
    await expect(provider.adopt(target, request, callNow())).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
  }
});

test('a new key that IAM has not told everywhere yet, and an inactive one that still works, are told as they are', async () => {
  const target = await iamTarget();
  await world().fake.settings({ spread: { create: 600_000, revoke: 600_000 } });
  const made = await make(target);
  expect(await provider.verify(target, made.material, callNow())).toBe('refused');
  await world().fake.settings({ spread: { create: 0, revoke: 600_000 } });
  await provider.suspend(target, made.ref, callNow());
  expect(await provider.verify(target, made.material, callNow())).toBe('accepted');
});

test('a key that a policy denies everything is forbidden, which is alive', async () => {
  const target = await iamTarget();
  const made = await make(target);
  await world().fake.settings({ denyUsers: true });
  expect(await provider.verify(target, made.material, callNow())).toBe('forbidden');
});

test.each(['delete', 'update'] as const)('a lost answer to %s is AMBIGUOUS, and again is success', async (lost) => {
  const target = await iamTarget();
  const made = await make(target);
  const act = () =>
    lost === 'delete' ? provider.revoke(target, made.ref, callNow()) : provider.suspend(target, made.ref, callNow());
  await world().fake.faults({ drop: { [lost]: 1 } });
  await expect(act()).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await act();
  expect(await provider.verify(target, made.material, callNow())).toBe('refused');
});

test('"no such user" is no proof that a key of it is gone', async () => {
  const target = await iamTarget();
  const made = await make(target);
  const elsewhere = changed(target, { user: 'nobody' });
  await expect(provider.revoke(elsewhere, made.ref, callNow())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await provider.verify(target, made.material, callNow())).toBe('accepted');
});

test('a use inside the lag is not told yet', async () => {
  await world().fake.settings({ lastUsedLag: 600_000 });
  const target = await iamTarget();
  const made = await make(target);
  await provider.verify(target, made.material, callNow());
  expect(await provider.usage(target, made.ref, callNow())).toEqual({ kind: 'timestamp' });
});

test('throttling is told as such, and an admin credential without its fields says which', async () => {
  const target = await iamTarget();
  await world().fake.faults({ failNext: { operation: 'list', count: 1, status: 429 } });
  await expect(provider.list(target, callNow())).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  const bare = { ...target, admin: async () => new SecretMaterial({ value: 'x'.repeat(40) }, 'value') };
  await expect(provider.list(bare, callNow())).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining('secret_access_key'),
  });
});

test('an address without TLS is refused before anything is sent', async () => {
  const target = changed(await iamTarget(), { iamUrl: 'http://iam.example.com' });
  await expect(provider.list(target, callNow())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const target = await iamTarget();
  const made = await make(target);
  await world().fake.settings({ echo: true });
  for (const status of [400, 401, 403, 404, 409, 429, 500, 503]) {
    await world().fake.faults({ failNext: { count: 30, status } });
    const { text, allThrew } = await toldBy([
      make(target),
      provider.list(target, callNow()),
      provider.revoke(target, made.ref, callNow()),
      provider.usage(target, made.ref, callNow()),
    ]);
    expect(allThrew).toBe(true);
    for (const value of [world().fake.adminKey, ...world().fake.values]) expect(text).not.toContain(value);
  }
});
