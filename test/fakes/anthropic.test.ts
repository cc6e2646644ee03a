import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { AnthropicSettings } from './anthropic/state.ts';
import { eventually } from './poll.ts';
import { rawClient } from './raw-client.ts';
import { type RunningFake, startFake } from './start.ts';

let fake: RunningFake<AnthropicSettings>;
let admin: ReturnType<typeof rawClient>;
const version = { 'anthropic-version': '2023-06-01' };
const keys = '/v1/organizations/api_keys';

beforeAll(async () => {
  fake = await startFake<AnthropicSettings>('anthropic');
  admin = rawClient(fake.url, { ...version, 'x-api-key': fake.adminKey });
});
afterEach(() => fake.reset());
afterAll(() => fake?.stop());

const make = async (more: object = {}) =>
  (await fake.control('POST', '/keys', { name: 'by hand', ...more })) as { id: string; value: string };
const models = async (key: string) =>
  (await rawClient(fake.url, { ...version, 'x-api-key': key })('GET', '/v1/models')).status;

test('a key made in the console works, is listed with its hint, and its value nowhere', async () => {
  const made = await make();
  expect(await models(made.value)).toBe(200);
  const { body } = await admin('GET', `${keys}?limit=100`);
  const hint = `${made.value.slice(0, 16)}...${made.value.slice(-4)}`;
  expect(body.data).toContainEqual(expect.objectContaining({ id: made.id, status: 'active', partial_key_hint: hint }));
  expect(JSON.stringify(body)).not.toContain(made.value);
});

test('there is no way to create a key through the API', async () => {
  expect((await admin('POST', keys, { name: 'no' })).status).toBe(404);
});

test('inactive is refused and reversible, archived is the end', async () => {
  const made = await make();
  await admin('POST', `${keys}/${made.id}`, { status: 'inactive' });
  expect(await models(made.value)).toBe(401);
  await admin('POST', `${keys}/${made.id}`, { status: 'active' });
  expect(await models(made.value)).toBe(200);
  expect((await admin('POST', `${keys}/${made.id}`, { status: 'archived' })).body.status).toBe('archived');
  expect(await models(made.value)).toBe(401);
  expect((await admin('POST', `${keys}/${made.id}`, { status: 'active' })).status).toBe(400);
});

test('a key can be renamed after the fact', async () => {
  const made = await make();
  expect((await admin('POST', `${keys}/${made.id}`, { name: 'tagged' })).body.name).toBe('tagged');
  expect((await admin('GET', `${keys}/${made.id}`)).body.name).toBe('tagged');
});

test('making a key active beyond the limit is refused with the documented code', async () => {
  const made = await make({ workspace: 'wrkspc_limited' });
  await admin('POST', `${keys}/${made.id}`, { status: 'inactive' });
  await fake.settings({ workspaceLimit: 0 });
  const refused = await admin('POST', `${keys}/${made.id}`, { status: 'active' });
  expect([refused.status, refused.body.error.details.error_code]).toEqual([400, 'workspace_api_key_limit_exceeded']);
});

test('lists go on page by page, by status and by workspace', async () => {
  const made = [];
  for (let at = 0; at < 3; at += 1) made.unshift((await make({ workspace: 'wrkspc_pages' })).id);
  const first = (await admin('GET', `${keys}?workspace_id=wrkspc_pages&limit=2`)).body;
  const second = (await admin('GET', `${keys}?workspace_id=wrkspc_pages&limit=2&after_id=${first.last_id}`)).body;
  expect([first.has_more, second.has_more]).toEqual([true, false]);
  expect([...first.data, ...second.data].map(({ id }: { id: string }) => id)).toEqual(made);
  expect((await admin('GET', `${keys}?workspace_id=wrkspc_pages&status=archived`)).body.data).toEqual([]);
});

test('a key past its expiry is listed as expired and refused', async () => {
  const made = await make({ expiresInSeconds: 1 });
  await eventually(
    async () => (await admin('GET', `${keys}/${made.id}`)).body.status as string,
    (status) => status === 'expired',
  );
  expect(await models(made.value)).toBe(401);
});

test('two keys can look alike by their hints', async () => {
  const one = await make();
  const other = await make({ likeKey: one.id });
  const hints = await Promise.all(
    [one, other].map(async ({ id }) => (await admin('GET', `${keys}/${id}`)).body.partial_key_hint),
  );
  expect(hints[0]).toBe(hints[1]);
  expect(one.value).not.toBe(other.value);
});

test('only the admin key administrates, it is itself forbidden to list models, and the version header is demanded', async () => {
  const made = await make();
  expect((await rawClient(fake.url, { ...version, 'x-api-key': made.value })('GET', keys)).status).toBe(401);
  expect(await models(fake.adminKey)).toBe(403);
  expect((await rawClient(fake.url, { 'x-api-key': fake.adminKey })('GET', keys)).status).toBe(400);
});

test('the console hands every value it shows to the inherited pipe', async () => {
  const made = await make();
  await eventually(
    async () => fake.values,
    (values) => values.includes(made.value),
  );
});

test('a fake ends with the process that started it', async () => {
  const entry = fileURLToPath(new URL('./anthropic/main.ts', import.meta.url));
  const child = spawn(process.execPath, [entry, '--with-parent'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, KEYBATON_FAKE_ADMIN_KEY: 'sk-ant-admin01-x' },
  });
  await once(child.stdout, 'data');
  const ended = once(child, 'exit');
  child.stdin.end();
  expect((await ended)[0]).toBe(0);
});
