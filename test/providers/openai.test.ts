import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { versionTag } from '../../domain/version-tag.ts';
import { openAi } from '../../providers/openai.ts';
import { openAiSettings, type OpenAiSettings } from '../../providers/openai/settings.ts';
import type { OpenAiSettings as FakeSettings } from '../fakes/openai/state.ts';
import { eventually } from '../fakes/poll.ts';
import { freePort, startPrism } from '../fakes/prism.ts';
import { bearer, rawClient } from '../fakes/raw-client.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import { answeringServer, callNow, freshVersion, installation, silentServer, targetOf } from './provider-target.ts';

let fake: RunningFake<FakeSettings>;
let prism: Awaited<ReturnType<typeof startPrism>>;
let silent: Awaited<ReturnType<typeof silentServer>>;
let nowhere: string;
let projects = 0;

beforeAll(async () => {
  fake = await startFake<FakeSettings>('openai');
  prism = await startPrism('openai-admin-keys.yaml', fake.url);
  silent = await silentServer();
  nowhere = `http://127.0.0.1:${await freePort()}`;
});
afterEach(() => fake.reset());
afterAll(() => Promise.all([silent?.stop(), prism?.stop(), fake?.stop()]));

const settings = (more: Partial<OpenAiSettings> = {}): OpenAiSettings =>
  openAiSettings.parse({
    project: `proj_${(projects += 1)}`,
    baseUrl: prism?.url ?? 'http://127.0.0.1:1',
    ...{ createSpread: 0, revokeSpread: 0, lateCreate: 0, usageLag: 0, callTimeout: 8_000 },
    ...more,
  });
const target = (more: Partial<OpenAiSettings> = {}) => targetOf(settings(more), fake.adminKey);
type OpenAiTarget = ReturnType<typeof target>;
const at = (baseUrl: string, one: OpenAiTarget) => ({ ...one, settings: { ...one.settings, baseUrl } });
const models = async (value: string) => (await rawClient(fake.url, bearer(value))('GET', '/models')).status;
const admin = (method: string, path: string, body?: unknown) =>
  rawClient(fake.url, bearer(fake.adminKey))(method, path, body);

/** Every way to make and delete keys must keep the contract. */
const ways: Record<string, { settings: () => Promise<Partial<OpenAiSettings>>; vendor?: Partial<FakeSettings> }> = {
  'one service account per version': { settings: async () => ({ maxLive: 3 }) },
  'one service account per version, with scopes': { settings: async () => ({ scopes: ['api.model.read'] }) },
  'one service account per version, keys of accounts not deletable': {
    settings: async () => ({}),
    vendor: { deleteServiceAccountKeys: 'refused-400' },
  },
  'many keys of one service account': {
    settings: async () => {
      const project = `proj_many_${(projects += 1)}`;
      const account = await admin('POST', `/organization/projects/${project}/service_accounts`, {
        name: 'shared',
        create_service_account_only: true,
      });
      await admin('POST', `/organization/projects/${project}/service_accounts/${account.body.id}`, { role: 'member' });
      return { project, keys: 'many-keys', serviceAccount: account.body.id };
    },
  },
};

for (const [way, { settings: more, vendor }] of Object.entries(ways)) {
  describe(`openai keeps the provider contract: ${way}`, () => {
    const tests = providerSuite<OpenAiSettings>({
      create: openAi,
      settings: settings(way.startsWith('many') ? { keys: 'many-keys', serviceAccount: 'svc_acct_any' } : {}),
      async target() {
        await fake.settings(vendor ?? {});
        return target(await more());
      },
      unreachable: (one) => at(nowhere, one),
      silent: (one) => at(silent.url, one),
      async use(_, material) {
        await models(material.revealValue());
        return { isOpen: () => false };
      },
      loseAnswer: (one) => fake.faults({ drop: { [one.settings.serviceAccount ? 'create-key' : 'create']: 1 } }),
      // With scopes the account comes first, and losing its answer makes no key: lost answers there have their own test.
      ...(way.endsWith('scopes')
        ? {
            loseAnswer: (one) =>
              fake.faults({
                drop: { 'create-key': 1 },
                failNext: { operation: 'delete-account', count: 1, status: 500 },
              }),
          }
        : {}),
    });
    for (const { name, run, skip } of tests) test(name, { skip: skip !== undefined }, run);
  });
}

const credential = parseCredentialId('openai/test/support-bot');

describe('openai', () => {
  const make = async (one: OpenAiTarget, version = freshVersion(), expiresAt?: number) => {
    const { place } = await openAi().preflight(one, { credential, version, keep: [], free: [] }, callNow());
    return openAi().issue(one, { credential, version, place, ...(expiresAt && { expiresAt }) }, callNow());
  };
  const keysOf = async (one: OpenAiTarget) =>
    (
      (await fake.control('GET', '/keys')) as {
        id: string;
        project: string;
        name: string;
        live: boolean;
        scopes: string[];
        expiresAt: number;
      }[]
    ).filter((key) => key.project === one.settings.project && key.live);

  test('a create that commits after its caller gave up is found by its tag and killed', async () => {
    const one = target({ callTimeout: 1_500 });
    const version = freshVersion();
    await fake.faults({ delay: { create: 600_000 } });
    await expect(make(one, version)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    expect(await openAi().list(one, callNow())).toEqual([]);
    await fake.faults({ delay: {} });
    const [late] = await eventually(
      () => openAi().list(one, callNow()),
      (found) => found.length > 0,
    );
    expect(late?.tag).toEqual({ installation, version });
    if (late) await openAi().revoke(one, late.ref, callNow());
    expect(await keysOf(one)).toEqual([]);
  });

  test.each(['allowed', 'refused-400'] as const)(
    'a delete whose answer is lost is AMBIGUOUS, and again is success (deletes %s)',
    async (deletes) => {
      await fake.settings({ deleteServiceAccountKeys: deletes });
      const one = target();
      const made = await make(one);
      await fake.faults({ drop: deletes === 'allowed' ? { delete: 1 } : { 'delete-account': 1 } });
      await expect(openAi().revoke(one, made.ref, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
      await openAi().revoke(one, made.ref, callNow());
      expect(await keysOf(one)).toEqual([]);
    },
  );

  test('where keys of accounts are not deletable, an account with a second key is never deleted', async () => {
    await fake.settings({ deleteServiceAccountKeys: 'refused-400' });
    const one = target();
    const made = await make(one);
    await admin('POST', `/organization/projects/${one.settings.project}/service_accounts/${made.ref.parent}/api_keys`, {
      name: 'by hand',
    });
    await expect(openAi().revoke(one, made.ref, callNow())).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect(await keysOf(one)).toHaveLength(2);
  });

  test('an account that a person put a key into survives the kill of ours, with that key', async () => {
    const one = target();
    const made = await make(one);
    const path = `/organization/projects/${one.settings.project}/service_accounts/${made.ref.parent}/api_keys`;
    const theirs = (await admin('POST', path, { name: 'by hand' })).body;
    await openAi().revoke(one, made.ref, callNow());
    expect(await models(theirs.value)).toBe(200);
    expect((await keysOf(one)).map(({ id }) => id)).toEqual([theirs.id]);
  });

  test('after a kill no empty service account of ours is left behind', async () => {
    const one = target();
    const made = await make(one);
    await openAi().revoke(one, made.ref, callNow());
    const accounts = (await fake.control('GET', '/accounts')) as { project: string; live: boolean }[];
    expect(accounts.filter((account) => account.project === one.settings.project && account.live)).toEqual([]);
  });

  test('404 for a key that the list still shows is no success', async () => {
    const one = target();
    const made = await make(one);
    await fake.faults({ failNext: { operation: 'delete', count: 1, status: 404 } });
    await expect(openAi().revoke(one, made.ref, callNow())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await keysOf(one)).toHaveLength(1);
  });

  test('a key has its scopes and its expiry from the start, and the expiry is told', async () => {
    const one = target({ scopes: ['api.responses.write'] });
    const expiresAt = Date.now() + 3_600_000;
    const made = await make(one, freshVersion(), expiresAt);
    expect(made.expiresAt).toBeGreaterThanOrEqual(expiresAt - 2_000);
    expect(await keysOf(one)).toMatchObject([{ id: made.ref.id, scopes: ['api.responses.write'] }]);
    // Never accepted, never refused: alive.
    expect(await openAi().verify(one, made.material, callNow())).toBe('forbidden');
  });

  test("an expiry beyond the vendor's year is cut to it, and the answer says so", async () => {
    const made = await make(target(), freshVersion(), Date.now() + 3 * 31_536_000_000);
    expect(made.expiresAt).toBeLessThan(Date.now() + 31_600_000_000);
  });

  test('when the key cannot be made, the account made for it is taken away again', async () => {
    const one = target({ scopes: ['api.all.read'] });
    await fake.settings({ maxLiveKeys: 0 });
    await expect(make(one)).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
    const accounts = (await fake.control('GET', '/accounts')) as { project: string; live: boolean }[];
    expect(accounts.filter((account) => account.project === one.settings.project)).toMatchObject([{ live: false }]);
  });

  test('a full project is CAPACITY_EXHAUSTED also when only the vendor knows it', async () => {
    await fake.settings({ maxLiveKeys: 0 });
    await expect(make(target())).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
  });

  test("a demanded expiry that is missing is INVALID_CONFIG and names the vendor's code", async () => {
    await fake.settings({ expiryRequired: true });
    await expect(make(target())).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('expiration_required'),
    });
  });

  test('a key of an owner without access to the project is listed all the same', async () => {
    const one = target();
    const made = await make(one);
    const accounts = `/organization/projects/${one.settings.project}/service_accounts`;
    const bare = (
      await admin('POST', accounts, {
        name: versionTag(installation, freshVersion()),
        create_service_account_only: true,
      })
    ).body;
    const hidden = (await admin('POST', `${accounts}/${bare.id}/api_keys`, { name: 'x' })).body;
    expect((await openAi().list(one, callNow())).map(({ ref }) => ref.id)).toEqual([made.ref.id, hidden.id]);
  });

  test('keys of people are listed without a tag and with no parent', async () => {
    const one = target();
    const theirs = (await fake.control('POST', '/keys', { project: one.settings.project, name: 'laptop' })) as {
      id: string;
    };
    const [listed] = await openAi().list(one, callNow());
    expect(listed).toMatchObject({ ref: { id: theirs.id }, disabled: false });
    expect(listed).not.toHaveProperty('tag');
  });

  test('more keys than a page holds are all listed', async () => {
    const one = target();
    for (let at = 0; at < 103; at += 1)
      await fake.control('POST', '/keys', { project: one.settings.project, name: 'many' });
    expect(await openAi().list(one, callNow())).toHaveLength(103);
  });

  test('a use inside the lag is not told yet, and a told one never earlier than it was', async () => {
    await fake.settings({ lastUsedLag: 600_000 });
    const one = target();
    const made = await make(one);
    const usedAt = Date.now();
    await models(made.material.revealValue());
    expect(await openAi().usage(one, made.ref, callNow())).toEqual({ kind: 'timestamp' });
    await fake.settings({ lastUsedLag: 0 });
    expect((await openAi().usage(one, made.ref, callNow())).lastUsedAt).toBeGreaterThanOrEqual(usedAt);
  });

  test('a new key that has not spread yet, and a dead one that still works, are told as they are', async () => {
    const one = target();
    await fake.settings({ spread: { create: 600_000, revoke: 600_000 } });
    const made = await make(one);
    expect(await openAi().verify(one, made.material, callNow())).toBe('refused');
    await fake.settings({ spread: { create: 0, revoke: 600_000 } });
    await openAi().revoke(one, made.ref, callNow());
    expect(await openAi().verify(one, made.material, callNow())).toBe('accepted');
  });

  test("a 401 that is not the vendor's own is no refusal", async () => {
    const gate = await answeringServer(401, '<html>sign in to the network</html>');
    const material = new SecretMaterial({ api_key: 'sk-svcacct-canary' }, 'api_key');
    const asked = openAi().verify(at(gate.url, target()), material, callNow());
    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await gate.stop();
  });

  test('a vendor that throws secrets back in its errors is not quoted', async () => {
    const one = at(fake.url, target());
    const made = await make(one);
    for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 503]) {
      await fake.faults({ secretInErrors: true, failNext: { count: 9, status } });
      const thrown = await Promise.allSettled([
        make(one),
        openAi().list(one, callNow()),
        openAi().revoke(one, made.ref, callNow()),
        openAi().usage(one, made.ref, callNow()),
        openAi().extend(one, made.ref, Date.now() + 60_000, callNow()),
      ]);
      const told = JSON.stringify(
        thrown.map((one) =>
          one.status === 'rejected' ? [String(one.reason), one.reason.stack, String(one.reason.cause)] : one.value,
        ),
      );
      for (const value of [fake.adminKey, ...fake.values]) expect(told).not.toContain(value);
      expect(thrown.every((one) => one.status === 'rejected')).toBe(true);
    }
  });

  test('rate limits carry how long to wait', async () => {
    await fake.faults({ failNext: { operation: 'list', count: 1, status: 429, retryAfter: '3' } });
    await expect(openAi().list(target(), callNow())).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfter: 3_000 });
  });

  test('an account is named exactly where many keys are asked for', () => {
    const parse = (more: object) => openAiSettings.safeParse({ project: 'proj_a', ...more }).success;
    expect([
      parse({}),
      parse({ keys: 'many-keys' }),
      parse({ serviceAccount: 'svc_a' }),
      parse({ keys: 'many-keys', serviceAccount: 'svc_a' }),
    ]).toEqual([true, false, false, true]);
  });

  test('what it issues looks like what its pattern says', async () => {
    const made = await make(target());
    expect(made.material.revealValue()).toMatch(openAi().material.pattern ?? /never^/);
  });
});
