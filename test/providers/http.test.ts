import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { declaredProvider, readDeclaration } from '../../providers/http.ts';
import { callNow, freshVersion, targetOf } from './provider-target.ts';

/** What the shipped declarations do not use, over a server whose answers each test writes itself. */
let server: Server;
let url: string;
let answer: (method: string, address: URL) => readonly [number, unknown];
let asked: string[];

beforeAll(async () => {
  server = createServer((request, response) => {
    const address = new URL(request.url ?? '/', 'http://server');
    asked.push(`${request.method} ${address.pathname}${address.search}`);
    const [status, body] = answer(request.method ?? '', address);
    request.resume().on('end', () => response.writeHead(status).end(JSON.stringify(body)));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  // A listening TCP server always has an AddressInfo.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  asked = [];
});
afterAll(() => new Promise((done) => server.close(done)));

function declared({ list = '', more = '' }: { list?: string; more?: string }) {
  const provider = declaredProvider(
    readDeclaration(
      'acme.yml',
      `
keybaton: 1
name: acme
source: https://acme.example/docs
material: { field: api_key }
hosts: { api: the only one }
admin: { headers: { authorization: 'Bearer {admin}' } }
traits: { createIdempotency: list-diff, createSpread: 0, revokeSpread: 0, lateCreate: 0 }
issue: { request: POST /keys, secret: $.key, id: $.id }
list:
  request: GET /keys
  items: $.data.keys
  id: $.id
  ${list}
verify:
  request: GET /me
  headers: { authorization: 'Bearer {value}' }
  verdicts: [{ status: 200, at: $.me, says: accepted }, { status: 401, at: $.error, is: [dead], says: refused }]
revoke: { request: 'DELETE /keys/{id}' }
console: the settings page
${more}`,
    ),
  );
  const target = targetOf(provider.settingsSchema.parse({ hosts: { api: url } }), 'admin-key-of-acme');
  return { provider, target };
}

const keys = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from) }, (_, number) => ({ id: from + number }));

test.each([
  ['offset', 'pages: { by: offset, query: skip, size: 2 }', ['?skip=0', '?skip=2', '?skip=4']],
  ['page', 'pages: { by: page, query: page, size: 2 }', ['?page=1', '?page=2', '?page=3']],
])('pages by %s are read until one is not full', async (by, list, queries) => {
  answer = (_, { searchParams }) => {
    const begin = by === 'offset' ? Number(searchParams.get('skip')) : (Number(searchParams.get('page')) - 1) * 2;
    return [200, { data: { keys: keys(begin, Math.min(5, begin + 2)) } }];
  };
  const { provider, target } = declared({ list });
  const listed = await provider.list(target, callNow());
  expect(listed.map(({ ref }) => ref.id)).toEqual(['0', '1', '2', '3', '4']);
  expect(asked).toEqual(queries.map((query) => `GET /keys${query}`));
});

test('a list that never ends is an error', async () => {
  answer = () => [200, { data: { keys: keys(0, 2) } }];
  const { provider, target } = declared({ list: 'pages: { by: offset, query: skip, size: 2 }' });
  const listing = provider.list(target, callNow({ deadline: Date.now() + 1_000 }));
  await expect(listing).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('an array that is left out is empty only where the declaration says so', async () => {
  answer = () => [200, { data: {} }];
  const strict = declared({});
  await expect(strict.provider.list(strict.target, callNow())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const lenient = declared({ list: 'missing: empty' });
  expect(await lenient.provider.list(lenient.target, callNow())).toEqual([]);
});

test('an item without its id is an error, and one that has ended is left out', async () => {
  answer = () => [200, { data: { keys: [{ id: 'a' }, { id: 'b', state: 'deleted' }] } }];
  const { provider, target } = declared({ list: 'ended: { at: $.state, is: [deleted] }' });
  expect((await provider.list(target, callNow())).map(({ ref }) => ref.id)).toEqual(['a']);
  answer = () => [200, { data: { keys: [{ name: 'no id' }] } }];
  await expect(provider.list(target, callNow())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('an error has the code that the declaration gives its words, else the one of its status', async () => {
  const { provider, target } = declared({
    more: 'errors: [{ status: 400, at: $.error.code, is: [quota], means: CAPACITY_EXHAUSTED }]',
  });
  const credential = parseCredentialId('acme/test/reader');
  const issue = () => provider.issue(target, { credential, version: freshVersion(), place: '/keys' }, callNow());
  answer = () => [400, { error: { code: 'quota' } }];
  await expect(issue()).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
  answer = () => [400, { error: { code: 'other' } }];
  await expect(issue()).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  answer = () => [500, { error: { code: 'quota' } }];
  await expect(issue()).rejects.toMatchObject({ code: 'AMBIGUOUS' });
});

test('a last use is read where the declaration says; null is never, and nothing at all is an error', async () => {
  const { provider, target } = declared({
    more: "usage: { request: 'GET /keys/{id}/use', lastUsedAt: { at: $.last, unit: iso }, lag: 0 }",
  });
  const usage = async () => provider.usage?.(target, { id: 'a/b' }, callNow());
  answer = () => [200, { last: '2026-11-01T00:00:00Z' }];
  expect(await usage()).toEqual({ kind: 'timestamp', lastUsedAt: Date.UTC(2026, 10, 1) });
  expect(asked).toEqual(['GET /keys/a%2Fb/use']);
  answer = () => [200, { last: null }];
  expect(await usage()).toEqual({ kind: 'timestamp' });
  for (const body of [{}, { last: 'yesterday' }]) {
    answer = () => [200, body];
    await expect(usage()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  }
});
