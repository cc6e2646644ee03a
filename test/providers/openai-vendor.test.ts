import { expect, test } from 'vitest';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { versionTag } from '../../domain/version-tag.ts';
import { openAi } from '../../providers/openai.ts';
import { openAiSettings } from '../../providers/openai/settings.ts';
import { eventually } from '../fakes/poll.ts';
import { at, byHand, models, openAiTarget, openAiWorld, type OpenAiTarget } from './openai-world.ts';
import { answeringServer, callNow, freshVersion, installation } from './provider-target.ts';

const world = openAiWorld();
const credential = parseCredentialId('openai/test/support-bot');

const make = async (one: OpenAiTarget, version = freshVersion(), expiresAt?: number) => {
  const { place } = await openAi().preflight(one, { credential, version, keep: [], free: [] }, callNow());
  return openAi().issue(one, { credential, version, place, ...(expiresAt && { expiresAt }) }, callNow());
};
const keysOf = async (one: OpenAiTarget) =>
  (
    (await world().fake.control('GET', '/keys')) as {
      id: string;
      project: string;
      name: string;
      live: boolean;
      scopes: string[];
      expiresAt: number;
    }[]
  ).filter((key) => key.project === one.settings.project && key.live);

const accountsOf = async (one: OpenAiTarget) =>
  ((await world().fake.control('GET', '/accounts')) as { id: string; project: string; live: boolean }[]).filter(
    (account) => account.project === one.settings.project && account.live,
  );

test('a create that commits after its caller gave up is found by its tag and killed', async () => {
  const one = openAiTarget(world(), { callTimeout: 1_500 });
  const version = freshVersion();
  await world().fake.faults({ delay: { create: 600_000 } });
  await expect(make(one, version)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  expect(await openAi().list(one, callNow())).toEqual([]);
  await world().fake.faults({ delay: {} });
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
    await world().fake.settings({ deleteServiceAccountKeys: deletes });
    const one = openAiTarget(world());
    const made = await make(one);
    await world().fake.faults({ drop: deletes === 'allowed' ? { delete: 1 } : { 'delete-account': 1 } });
    await expect(openAi().revoke(one, made.ref, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    await openAi().revoke(one, made.ref, callNow());
    expect(await keysOf(one)).toEqual([]);
  },
);

test('where keys of accounts are not deletable, an account with a second key is never deleted', async () => {
  await world().fake.settings({ deleteServiceAccountKeys: 'refused-400' });
  const one = openAiTarget(world());
  const made = await make(one);
  await byHand(
    world(),
    'POST',
    `/organization/projects/${one.settings.project}/service_accounts/${made.ref.parent}/api_keys`,
    {
      name: 'by hand',
    },
  );
  await expect(openAi().revoke(one, made.ref, callNow())).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  expect(await keysOf(one)).toHaveLength(2);
});

test('an account that a person put a key into survives the kill of ours, with that key', async () => {
  const one = openAiTarget(world());
  const made = await make(one);
  const path = `/organization/projects/${one.settings.project}/service_accounts/${made.ref.parent}/api_keys`;
  const theirs = (await byHand(world(), 'POST', path, { name: 'by hand' })).body;
  await openAi().revoke(one, made.ref, callNow());
  expect(await models(world(), theirs.value)).toBe(200);
  expect((await keysOf(one)).map(({ id }) => id)).toEqual([theirs.id]);
});

test('after a kill no empty service account of ours is left behind', async () => {
  const one = openAiTarget(world());
  const made = await make(one);
  await openAi().revoke(one, made.ref, callNow());
  expect(await accountsOf(one)).toEqual([]);
});

test('in a hurry only the key is deleted, and its account when the same is asked for at leisure', async () => {
  const one = openAiTarget(world());
  const made = await make(one);
  await openAi().revoke(one, made.ref, { ...callNow(), urgent: true });
  expect(await keysOf(one)).toEqual([]);
  expect(await accountsOf(one)).toMatchObject([{ id: made.ref.parent }]);
  await openAi().revoke(one, made.ref, callNow());
  await openAi().revoke(one, made.ref, callNow());
  expect(await accountsOf(one)).toEqual([]);
});

test('an account that could not be removed for now is asked for again, not forgotten', async () => {
  const one = openAiTarget(world());
  const made = await make(one);
  await world().fake.faults({ failNext: { operation: 'delete-account', count: 9, status: 503 } });
  await expect(openAi().revoke(one, made.ref, callNow())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  expect(await keysOf(one)).toEqual([]);
  await world().fake.faults({ failNext: null });
  await openAi().revoke(one, made.ref, callNow());
  expect(await accountsOf(one)).toEqual([]);
});

test('404 for a key that the list still shows is no success', async () => {
  const one = openAiTarget(world());
  const made = await make(one);
  await world().fake.faults({ failNext: { operation: 'delete', count: 1, status: 404 } });
  await expect(openAi().revoke(one, made.ref, callNow())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await keysOf(one)).toHaveLength(1);
});

test('a key has its scopes and its expiry from the start, and the expiry is told', async () => {
  const one = openAiTarget(world(), { scopes: ['api.responses.write'] });
  const expiresAt = Date.now() + 3_600_000;
  const made = await make(one, freshVersion(), expiresAt);
  expect(made.expiresAt).toBeGreaterThanOrEqual(expiresAt - 2_000);
  expect(await keysOf(one)).toMatchObject([{ id: made.ref.id, scopes: ['api.responses.write'] }]);
  // Never accepted, never refused: alive.
  expect(await openAi().verify(one, made.material, callNow())).toBe('forbidden');
});

test("an expiry beyond the vendor's year is cut to it, and the answer says so", async () => {
  const made = await make(openAiTarget(world()), freshVersion(), Date.now() + 3 * 31_536_000_000);
  expect(made.expiresAt).toBeLessThan(Date.now() + 31_600_000_000);
});

test('when the key cannot be made, the account made for it is taken away again', async () => {
  const one = openAiTarget(world(), { scopes: ['api.all.read'] });
  await world().fake.settings({ maxLiveKeys: 0 });
  await expect(make(one)).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
  const accounts = (await world().fake.control('GET', '/accounts')) as { project: string; live: boolean }[];
  expect(accounts.filter((account) => account.project === one.settings.project)).toMatchObject([{ live: false }]);
});

test('a lost answer to a create with scopes kills what it made, with its account', async () => {
  const one = openAiTarget(world(), { scopes: ['api.all.read'] });
  await world().fake.faults({ drop: { 'create-key': 1 } });
  await expect(make(one)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  expect(await keysOf(one)).toEqual([]);
});

test('a full project is CAPACITY_EXHAUSTED also when only the vendor knows it', async () => {
  await world().fake.settings({ maxLiveKeys: 0 });
  await expect(make(openAiTarget(world()))).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
});

test("a demanded expiry that is missing is INVALID_CONFIG and names the vendor's code", async () => {
  await world().fake.settings({ expiryRequired: true });
  await expect(make(openAiTarget(world()))).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining('expiration_required'),
  });
});

test('a key of an owner without access to the project is listed all the same', async () => {
  const one = openAiTarget(world());
  const made = await make(one);
  const accounts = `/organization/projects/${one.settings.project}/service_accounts`;
  const bare = (
    await byHand(world(), 'POST', accounts, {
      name: versionTag(installation, freshVersion()),
      create_service_account_only: true,
    })
  ).body;
  const hidden = (await byHand(world(), 'POST', `${accounts}/${bare.id}/api_keys`, { name: 'x' })).body;
  expect((await openAi().list(one, callNow())).map(({ ref }) => ref.id)).toEqual([made.ref.id, hidden.id]);
});

test('keys of people are listed without a tag and with no parent', async () => {
  const one = openAiTarget(world());
  const theirs = (await world().fake.control('POST', '/keys', { project: one.settings.project, name: 'laptop' })) as {
    id: string;
  };
  const [listed] = await openAi().list(one, callNow());
  expect(listed).toMatchObject({ ref: { id: theirs.id }, disabled: false });
  expect(listed).not.toHaveProperty('tag');
});

test('more keys than a page holds are all listed', async () => {
  const one = openAiTarget(world());
  for (let at = 0; at < 103; at += 1)
    await world().fake.control('POST', '/keys', { project: one.settings.project, name: 'many' });
  expect(await openAi().list(one, callNow())).toHaveLength(103);
});

test('a use inside the lag is not told yet, and a told one never earlier than it was', async () => {
  await world().fake.settings({ lastUsedLag: 600_000 });
  const one = openAiTarget(world());
  const made = await make(one);
  const usedAt = Date.now();
  await models(world(), made.material.revealValue());
  expect(await openAi().usage(one, made.ref, callNow())).toEqual({ kind: 'timestamp' });
  await world().fake.settings({ lastUsedLag: 0 });
  expect((await openAi().usage(one, made.ref, callNow())).lastUsedAt).toBeGreaterThanOrEqual(usedAt);
});

test('a new key that has not spread yet, and a dead one that still works, are told as they are', async () => {
  const one = openAiTarget(world());
  await world().fake.settings({ spread: { create: 600_000, revoke: 600_000 } });
  const made = await make(one);
  expect(await openAi().verify(one, made.material, callNow())).toBe('refused');
  await world().fake.settings({ spread: { create: 0, revoke: 600_000 } });
  await openAi().revoke(one, made.ref, callNow());
  expect(await openAi().verify(one, made.material, callNow())).toBe('accepted');
});

test("a 401 that is not the vendor's own is no refusal", async () => {
  const gate = await answeringServer(401, '<html>sign in to the network</html>');
  const material = new SecretMaterial({ api_key: 'sk-svcacct-canary' }, 'api_key');
  const asked = openAi().verify(at(gate.url, openAiTarget(world())), material, callNow());
  await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await gate.stop();
});

test('a vendor that throws secrets back in its errors is not quoted', async () => {
  const one = at(world().fake.url, openAiTarget(world()));
  const made = await make(one);
  for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 503]) {
    await world().fake.faults({ secretInErrors: true, failNext: { count: 9, status } });
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
    for (const value of [world().fake.adminKey, ...world().fake.values]) expect(told).not.toContain(value);
    expect(thrown.every((one) => one.status === 'rejected')).toBe(true);
  }
});

test('rate limits carry how long to wait', async () => {
  await world().fake.faults({ failNext: { operation: 'list', count: 1, status: 429, retryAfter: '3' } });
  await expect(openAi().list(openAiTarget(world()), callNow())).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    retryAfter: 3_000,
  });
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
  const made = await make(openAiTarget(world()));
  expect(made.material.revealValue()).toMatch(openAi().material.pattern ?? /never^/);
});

test('the command that kills by hand keeps an odd id one word, and the admin key out of the arguments', () => {
  const text = openAi().killByHand(openAiTarget(world()), { id: "key_1'; $(reboot)", parent: 'a b' });
  const commands = text.split('\n').filter((line) => line.startsWith('printf'));
  expect(commands).toHaveLength(2);
  for (const command of commands) {
    expect(command).toContain('"$OPENAI_ADMIN_KEY" | curl ');
    expect(command.slice(command.indexOf('http')).split('/').at(-1)).toMatch(/^[\w.%-]+$/);
  }
});

test('what the admin key may read beyond its project is told', async () => {
  const one = openAiTarget(world());
  await make(openAiTarget(world()));
  expect(await openAi().excess?.(one, callNow())).toEqual([
    'it administers the admin keys of the whole organization',
    `it sees more projects than ${one.settings.project}`,
  ]);
});

test('an admin key that may read nothing else is no proof that it may do nothing else', async () => {
  await world().fake.settings({ narrowAdmin: true });
  await expect(openAi().excess?.(openAiTarget(world()), callNow())).rejects.toMatchObject({ code: 'UNSUPPORTED' });
});
