import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { declaredProvider, readDeclaration } from '../../providers/http.ts';

const shipped = readFileSync(new URL('../../providers/declared/elevenlabs.yml', import.meta.url), 'utf8');
const path = '/v1/service-accounts/{settings.serviceAccount}/api-keys';

/** What reading says of the shipped declaration with one piece of it replaced. */
function told(from: string, to: string): string {
  expect(shipped).toContain(from);
  try {
    readDeclaration('acme.yml', shipped.replace(from, to));
  } catch (thrown) {
    return String(thrown);
  }
  return 'nothing';
}

test('what is right is read', () => {
  expect(told('keybaton: 1', 'keybaton: 1')).toBe('nothing');
});

test.each([
  ['a secret in a path', `POST ${path}`, `POST ${path}/{admin}`, 'a secret never stands in a path or query'],
  ['a value in a path', 'GET /v1/user', 'GET /v1/user/{value}', 'a secret never stands in a path or query'],
  [
    'a secret in a query',
    'GET /v1/user',
    "GET /v1/user\n  query: { key: '{value}' }",
    'never stands in a path or query',
  ],
  ['a secret in a body', "name: '{tag}'", "name: '{tag} {admin}'", 'a secret is sent in headers alone'],
  [
    'the admin credential in the headers of verify',
    "{ xi-api-key: '{value}' }",
    "{ xi-api-key: '{admin}' }",
    'expected {value}',
  ],
  ['a host in a path', 'GET /v1/user', 'GET https://elsewhere.example/v1', 'the host comes from targets.yml'],
  ['a host by two slashes', 'GET /v1/user', 'GET //elsewhere.example/v1', 'would lead to another host'],
  ['a way up', 'GET /v1/user', 'GET /v1/../user', 'would lead to another host or place'],
  ['a host that is not named', 'request: GET /v1/user', 'host: other\n  request: GET /v1/user', 'expected one of api'],
  ['a placeholder nobody fills', "name: '{tag}'", "name: '{tga}'", 'a placeholder here is one of {tag}'],
  ['a create without the tag', "name: '{tag}'", 'name: fixed', 'tag-search needs {tag} in the body of issue'],
  [
    'a refusal by its status alone',
    'status: 401, at: $.detail.status, is: [invalid_api_key]',
    'status: 401',
    'verdicts',
  ],
  ['a failing server as an answer', '{ status: 200, at: $.subscription', '{ status: 503, at: $.x', 'never an answer'],
  ['a path to several places', 'id: $.key_id', 'id: $..key_id', 'may find several values'],
  ['no path at all', 'id: $.key_id', 'id: key_id', 'begin with $'],
  ['a filter as code', 'id: $.key_id', "id: $[?(@.constructor.constructor('x'))]", 'JSONPath'],
  ['a kill that names no key', `DELETE ${path}/{id}`, `DELETE ${path}`, 'without {id}'],
  ['suspend alone', /resume:\n.*\n.*\n/.exec(shipped)?.[0] ?? '?', '', 'declare both or neither'],
  ['a secret as the id', 'id: $.key_id\nlist', 'id: $.xi_api_key\nlist', 'the id is public'],
  ['a list with an effect', `GET ${path}`, `POST ${path}`, 'a list is asked for with GET'],
  ['a slip of a key', 'console:', 'consol:', 'unknown key'],
  [
    'a page that is no https address',
    'console:',
    'keyless: { by: an identity, page: http://x.example }\nconsole:',
    'https address',
  ],
  ['an expression that is none', 'pattern: ^sk_[0-9a-f]{48}$', "pattern: '['", 'not a regular expression'],
])('%s is refused', (_, from, to, words) => {
  expect(told(from, to)).toContain(words);
});

test('what was written is never repeated', () => {
  const secret = 'sk_0123456789abcdef0123456789abcdef';
  for (const [from, to] of [
    ["'{admin}'", secret],
    ["name: '{tag}'", `name: '{${secret}}'`],
    ['keybaton: 1', `keybaton: ${secret}`],
    ['keybaton: 1', `keybaton: "${secret}`],
  ] as const)
    expect(told(from, to)).not.toContain(secret);
});

test('an address is set in targets.yml, or the target is refused', () => {
  const { settingsSchema } = declaredProvider(readDeclaration('acme.yml', shipped));
  const settings = { serviceAccount: 'sa', permissions: 'all', characterLimit: null };
  expect(settingsSchema.safeParse(settings).success).toBe(false);
  expect(settingsSchema.safeParse({ ...settings, hosts: { api: 'https://api.acme.example' } }).success).toBe(true);
});

test('a setting that ends up in a path stays one part of it', async () => {
  const provider = declaredProvider(
    readDeclaration('acme.yml', shipped.replace("pattern: '^[A-Za-z0-9_-]{1,64}$', ", '')),
  );
  const settings = provider.settingsSchema.parse({
    ...{ hosts: { api: 'https://api.acme.example' }, permissions: 'all', characterLimit: null },
    serviceAccount: '../../v1/user?x=#',
  });
  const target = {
    name: 't',
    environment: 'test',
    installation: 'inst01',
    settings,
    admin: () => Promise.reject(new Error()),
  };
  expect(provider.killByHand(target, { id: "k'1" })).toContain(
    '/v1/service-accounts/..%2F..%2Fv1%2Fuser%3Fx%3D%23/api-keys/k%271',
  );
});
