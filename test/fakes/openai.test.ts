import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { OpenAiSettings } from './openai/state.ts';
import { eventually } from './poll.ts';
import { startPrism } from './prism.ts';
import { bearer, rawClient, type RawAnswer } from './raw-client.ts';
import { type RunningFake, startFake } from './start.ts';

let fake: RunningFake<OpenAiSettings>;
let prism: Awaited<ReturnType<typeof startPrism>>;
let direct: ReturnType<typeof rawClient>;
let admin: ReturnType<typeof rawClient>;

beforeAll(async () => {
  fake = await startFake<OpenAiSettings>('openai');
  prism = await startPrism('openai-admin-keys.yaml', fake.url);
  direct = rawClient(fake.url, bearer(fake.adminKey));
  // Every answer here has also passed the official description.
  admin = rawClient(prism.url, bearer(fake.adminKey));
});
afterEach(() => fake.reset());
afterAll(() => Promise.all([prism?.stop(), fake?.stop()]));

let projects = 0;
const newProject = () => `/organization/projects/proj_${(projects += 1)}`;
const models = (key: string): Promise<RawAnswer> => rawClient(prism.url, bearer(key))('GET', '/models');
const create = async (project: string, name = 'account', more: object = {}) =>
  (await admin('POST', `${project}/service_accounts`, { name, ...more })).body;
const list = async (project: string) =>
  (await admin('GET', `${project}/api_keys?owner_project_access=any`)).body.data as { id: string }[];

describe('a key', () => {
  test('made with a service account works, is listed under its owner, and dies with it', async () => {
    const project = newProject();
    const made = await create(project, 'tagged');
    expect((await models(made.api_key.value)).status).toBe(200);
    expect(await list(project)).toMatchObject([
      { id: made.api_key.id, owner: { service_account: { name: 'tagged' } } },
    ]);
    expect((await admin('DELETE', `${project}/service_accounts/${made.id}`)).body.deleted).toBe(true);
    expect((await models(made.api_key.value)).status).toBe(401);
    expect(await list(project)).toEqual([]);
  });

  test('is deleted alone where the newer behaviour holds, and its neighbours live', async () => {
    const project = newProject();
    const made = await create(project);
    const second = (await admin('POST', `${project}/service_accounts/${made.id}/api_keys`, { name: 'second' })).body;
    expect((await admin('GET', `${project}/service_accounts/${made.id}`)).body.name).toBe('account');
    expect((await admin('DELETE', `${project}/api_keys/${made.api_key.id}`)).status).toBe(200);
    expect((await models(made.api_key.value)).status).toBe(401);
    expect((await models(second.value)).status).toBe(200);
    expect((await admin('DELETE', `${project}/api_keys/${made.api_key.id}`)).status).toBe(404);
  });

  test('is refused to be deleted alone where the older behaviour holds', async () => {
    await fake.settings({ deleteServiceAccountKeys: 'refused-400' });
    const project = newProject();
    const made = await create(project);
    expect((await admin('DELETE', `${project}/api_keys/${made.api_key.id}`)).status).toBe(400);
    expect((await models(made.api_key.value)).status).toBe(200);
  });

  test('with a scope that does not list models is authentic but forbidden', async () => {
    const project = newProject();
    const made = await create(project);
    const narrow = (
      await admin('POST', `${project}/service_accounts/${made.id}/api_keys`, { scopes: ['api.responses.write'] })
    ).body;
    expect((await models(narrow.value)).status).toBe(403);
  });

  test('of an account without a role is hidden unless any owner is asked for', async () => {
    const project = newProject();
    const only = await create(project, 'bare', { create_service_account_only: true });
    expect(only).toMatchObject({ role: 'none', api_key: null });
    const key = (await admin('POST', `${project}/service_accounts/${only.id}/api_keys`, { name: 'hidden' })).body;
    expect((await admin('GET', `${project}/api_keys`)).body.data).toEqual([]);
    expect(await list(project)).toMatchObject([{ id: key.id, owner_project_access: 'inactive' }]);
    await admin('POST', `${project}/service_accounts/${only.id}`, { role: 'member' });
    expect((await admin('GET', `${project}/api_keys`)).body.data).toMatchObject([{ id: key.id }]);
  });

  test('ends at its expiry, and the expiry can be moved before that', async () => {
    const project = newProject();
    const short = (await create(project, 'short', { expires_in_seconds: 1 })).api_key;
    const moved = (await create(project, 'moved', { expires_in_seconds: 600 })).api_key;
    expect(moved.expires_at - moved.created_at).toBe(600);
    const update = await admin('POST', `${project}/api_keys/${moved.id}`, { expires_in_seconds: 6_000 });
    expect(update.body.expires_at - moved.created_at).toBeGreaterThanOrEqual(6_000);
    await eventually(
      () => models(short.value),
      ({ status }) => status === 401,
    );
    expect((await list(project)).map(({ id }) => id)).toEqual([moved.id]);
    expect((await admin('POST', `${project}/api_keys/${short.id}`, { expires_in_seconds: 600 })).status).toBe(404);
  });

  test('shows its last use only after the lag', async () => {
    await fake.settings({ lastUsedLag: 600_000 });
    const project = newProject();
    const made = await create(project);
    const lastUsed = async () =>
      (await admin('GET', `${project}/api_keys/${made.api_key.id}`)).body.last_used_at as number | null;
    await models(made.api_key.value);
    expect(await lastUsed()).toBeNull();
    await fake.settings({ lastUsedLag: 0 });
    expect(await lastUsed()).toBeGreaterThanOrEqual(made.created_at);
  });

  test('takes its time to work and to stop where a spread is set', async () => {
    const project = newProject();
    await fake.settings({ spread: { create: 600_000, revoke: 600_000 } });
    const made = await create(project);
    expect((await models(made.api_key.value)).status).toBe(401);
    await fake.settings({ spread: { create: 0, revoke: 600_000 } });
    expect((await models(made.api_key.value)).status).toBe(200);
    await admin('DELETE', `${project}/api_keys/${made.api_key.id}`);
    expect(await list(project)).toEqual([]);
    expect((await models(made.api_key.value)).status).toBe(200);
    await fake.settings({ spread: { create: 0, revoke: 0 } });
    expect((await models(made.api_key.value)).status).toBe(401);
  });
});

test('lists go on page by page without losing a key', async () => {
  const project = newProject();
  const made = [];
  for (let at = 0; at < 5; at += 1) made.push((await create(project)).api_key.id);
  const seen: string[] = [];
  for (let after = ''; ;) {
    const page = (await admin('GET', `${project}/api_keys?owner_project_access=any&limit=2${after}`)).body;
    seen.push(...page.data.map(({ id }: { id: string }) => id));
    if (!page.has_more) break;
    after = `&after=${page.last_id}`;
  }
  expect(seen).toEqual(made);
});

test('only the admin key may administrate, and only keys may list models', async () => {
  const project = newProject();
  const made = await create(project);
  expect((await rawClient(prism.url, bearer(made.api_key.value))('GET', `${project}/api_keys`)).status).toBe(401);
  expect((await rawClient(fake.url, {})('GET', `${project}/api_keys`)).status).toBe(401);
  expect((await models('sk-svcacct-nobody')).status).toBe(401);
  expect((await models(fake.adminKey)).status).toBe(403);
});

test('a full project refuses the next key with the code of its limit', async () => {
  await fake.settings({ maxLiveKeys: 1 });
  const project = newProject();
  await create(project);
  const refused = await admin('POST', `${project}/service_accounts`, { name: 'one too many' });
  expect([refused.status, refused.body.error.code]).toEqual([400, 'project_api_key_limit_exceeded']);
  expect(await list(project)).toHaveLength(1);
});

describe('a fault', () => {
  test('delays a create past the client, which commits all the same', async () => {
    const project = newProject();
    await fake.faults({ delay: { create: 600_000 } });
    const client = new AbortController();
    const asked = fetch(`${fake.url}${project}/service_accounts`, {
      method: 'POST',
      headers: bearer(fake.adminKey),
      body: JSON.stringify({ name: 'late' }),
      signal: client.signal,
    });
    const gone = expect(asked).rejects.toThrow();
    await eventually(
      () => fake.activity(),
      ({ inProgress }) => inProgress['create'] === 1,
    );
    client.abort();
    await gone;
    expect(await list(project)).toEqual([]);
    await fake.faults({ delay: {} });
    await eventually(
      () => list(project),
      (keys) => keys.length === 1,
    );
  });

  test('cuts the connection after the commit, once', async () => {
    const project = newProject();
    await fake.faults({ drop: { create: 1 } });
    await expect(direct('POST', `${project}/service_accounts`, { name: 'lost' })).rejects.toThrow();
    expect(await list(project)).toHaveLength(1);
    expect((await direct('POST', `${project}/service_accounts`, { name: 'answered' })).status).toBe(200);
  });

  test('holds an answer back after the commit until it is let go', async () => {
    const project = newProject();
    await fake.faults({ hold: ['create'] });
    const waiting = create(project);
    await eventually(
      () => fake.activity(),
      ({ held }) => held.includes('create'),
    );
    expect(await list(project)).toHaveLength(1);
    await fake.faults({ hold: [] });
    expect((await waiting).api_key.id).toMatch(/^key_/);
  });

  test('answers a status and Retry-After as often as told, before or after the commit', async () => {
    const project = newProject();
    await fake.faults({ failNext: { operation: 'create', count: 1, status: 429, retryAfter: '7' } });
    const limited = await admin('POST', `${project}/service_accounts`, { name: 'x' });
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '7']);
    expect(await list(project)).toHaveLength(0);
    await fake.faults({ failNext: { operation: 'create', count: 1, status: 500, afterCommit: true } });
    expect((await admin('POST', `${project}/service_accounts`, { name: 'x' })).status).toBe(500);
    expect(await list(project)).toHaveLength(1);
  });

  test('limits each project by a bucket of its own, says when there is room again, and never asks of a key', async () => {
    const [one, other] = [newProject(), newProject()];
    const made = await create(one);
    await fake.faults({ bucket: { perSecond: 0.5, burst: 2 } });
    const statuses: number[] = [];
    for (let count = 0; count < 3; count += 1) statuses.push((await direct('GET', `${one}/api_keys`)).status);
    expect(statuses).toEqual([200, 200, 429]);
    const limited = await direct('GET', `${one}/api_keys`);
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '2']);
    expect((await direct('GET', `${other}/api_keys`)).status).toBe(200);
    expect((await models(made.api_key.value)).status).toBe(200);
  });

  test('answers never after the commit, as often as told', async () => {
    const project = newProject();
    await fake.faults({ silent: { create: 1 } });
    const asked = fetch(`${fake.url}${project}/service_accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fake.adminKey}` },
      body: JSON.stringify({ name: 'x' }),
      signal: AbortSignal.timeout(300),
    });
    await expect(asked).rejects.toThrow();
    expect(await list(project)).toHaveLength(1);
    await create(project);
  });

  test('lets deleted keys work on for a while that nobody is told, and keeps locked ones', async () => {
    const project = newProject();
    // The smallest share of it, a thousandth, is a minute.
    await fake.settings({ hiddenSpread: 60_000_000 });
    const made = [await create(project), await create(project), await create(project)];
    await fake.settings({ locked: [made[0].api_key.id] });
    const remove = async (id: string) => (await direct('DELETE', `${project}/api_keys/${id}`)).status;
    expect([await remove(made[0].api_key.id), await remove(made[1].api_key.id)]).toEqual([403, 200]);
    const seen = (await fake.control('GET', '/keys')) as { id: string; works: boolean; kills: number; live: boolean }[];
    const of = (index: number) => seen.find(({ id }) => id === made[index].api_key.id);
    expect([of(0), of(1), of(2)].map((key) => [key?.live, key?.works, key?.kills])).toEqual([
      [true, true, 1],
      [false, true, 1],
      [true, true, 0],
    ]);
    await fake.settings({ hiddenSpread: 0 });
    expect((await models(made[1].api_key.value)).status).toBe(401);
  });

  test('refuses everyone, whatever key comes', async () => {
    const made = await create(newProject());
    await fake.faults({ refuseEveryone: true });
    expect((await models(made.api_key.value)).status).toBe(401);
    expect((await direct('GET', `${newProject()}/api_keys`)).status).toBe(401);
  });

  test("throws the caller's credential and the last value back inside an error", async () => {
    const made = await create(newProject());
    await fake.faults({ secretInErrors: true, failNext: { count: 1, status: 500 } });
    const answer = await direct('GET', `${newProject()}/api_keys`);
    expect(JSON.stringify(answer.body)).toContain(made.api_key.value);
    expect(JSON.stringify(answer.body)).toContain(fake.adminKey);
  });
});

test('every value ever minted comes out of the inherited pipe, and none out of the list of keys', async () => {
  const made = await create(newProject(), 'counted');
  await eventually(
    async () => fake.values,
    (values) => values.includes(made.api_key.value),
  );
  const keys = (await fake.control('GET', '/keys')) as { id: string; name: string; live: boolean }[];
  expect(keys).toContainEqual(expect.objectContaining({ id: made.api_key.id, name: 'counted', live: true }));
  expect(fake.values.filter((value) => JSON.stringify(keys).includes(value))).toEqual([]);
});

test('a request that the official description does not know is refused by the proxy', async () => {
  expect((await admin('POST', `${newProject()}/service_accounts`, { name: 7 })).status).toBe(422);
});
