import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AzureOpenAiSettings } from './azure-openai/state.ts';
import { bearer, rawClient } from './raw-client.ts';
import { type RunningFake, startFake } from './start.ts';

let fake: RunningFake<AzureOpenAiSettings>;
let arm: ReturnType<typeof rawClient>;
const path = '/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/one';
const v = '?api-version=2025-09-01';
const tags = `${path}/providers/Microsoft.Resources/tags/default?api-version=2021-04-01`;

const signIn = (secret: string) =>
  fetch(`${fake.url}/00000000-0000-0000-0000-000000000000/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'c',
      client_secret: secret,
      scope: 'https://management.azure.com/.default',
    }),
  });
const models = async (key: string) =>
  (await rawClient(fake.url, { 'api-key': key })('GET', '/data/one/openai/models?api-version=2024-10-21')).status;

beforeAll(async () => {
  fake = await startFake<AzureOpenAiSettings>('azure-openai');
  await fake.control('POST', '/accounts', { path });
  // As the vendor's page describes the answer.
  const { access_token: token } = (await (await signIn(fake.adminKey)).json()) as { access_token: string };
  arm = rawClient(fake.url, bearer(token));
});
afterAll(() => fake?.stop());

test('an account has two keys from its first day, which are shown as often as one likes', async () => {
  const first = (await arm('POST', `${path}/listKeys${v}`)).body;
  expect((await arm('POST', `${path}/listKeys${v}`)).body).toEqual(first);
  expect([await models(first.key1), await models(first.key2), await models('0'.repeat(32))]).toEqual([200, 200, 401]);
});

test('regenerating one key ends it at once and leaves the other alone', async () => {
  const before = (await arm('POST', `${path}/listKeys${v}`)).body;
  const after = (await arm('POST', `${path}/regenerateKey${v}`, { keyName: 'Key2' })).body;
  expect(after.key1).toBe(before.key1);
  expect([await models(before.key2), await models(after.key2)]).toEqual([401, 200]);
  expect((await arm('POST', `${path}/regenerateKey${v}`, { keyName: 'Key3' })).status).toBe(400);
});

test('tags are merged and have a length', async () => {
  await arm('PATCH', tags, { operation: 'Merge', properties: { tags: { a: '1' } } });
  const merged = await arm('PATCH', tags, { operation: 'Merge', properties: { tags: { b: '2' } } });
  expect(merged.body.properties.tags).toEqual({ a: '1', b: '2' });
  const long = { operation: 'Merge', properties: { tags: { c: 'x'.repeat(257) } } };
  expect((await arm('PATCH', tags, long)).status).toBe(400);
});

test('without local authentication every key is refused, and comes back with it', async () => {
  const { key1 } = (await arm('POST', `${path}/listKeys${v}`)).body;
  await arm('PATCH', `${path}${v}`, { properties: { disableLocalAuth: true } });
  expect(await models(key1)).toBe(403);
  await arm('PATCH', `${path}${v}`, { properties: { disableLocalAuth: false } });
  expect(await models(key1)).toBe(200);
});

test('a wrong secret, a wrong token and a version nobody knows are told apart', async () => {
  expect((await signIn('wrong')).status).toBe(401);
  expect((await rawClient(fake.url, bearer('wrong'))('GET', `${path}${v}`)).status).toBe(401);
  expect((await arm('GET', `${path}?api-version=2020-01-01`)).body.error.code).toBe('InvalidApiVersionParameter');
});
