/**
 * ElevenLabs: keys of a service account, and GET /v1/user with the key itself. Pages:
 * https://elevenlabs.io/docs/api-reference/service-accounts/api-keys (list, create, update, delete), .../user/get, and the types of
 * the official SDK 2.73.0, read 2026-11. The pages do not say what a disabled key is answered: here, as an unknown one.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { FakeAnswer, Operation } from '../fake-server.ts';
import type { StoredKey } from '../key-store.ts';
import { described, header, queryOf, type VendorPart } from './vendor.ts';

const permissions = z.union([z.array(z.string()), z.literal('all')]);
const createBody = z.strictObject({
  name: z.string().min(1),
  permissions,
  character_limit: z.int().nullish(),
  allowed_ips: z.array(z.string()).nullish(),
  third_party_disable_allowed: z.boolean().nullish(),
});
const editBody = z.strictObject({
  is_enabled: z.boolean().nullish(),
  name: z.string().nullish(),
  permissions: permissions.nullish(),
  character_limit: z.int().nullish(),
});
const noQuery = z.strictObject({});

const detail = (status: number, word: string): FakeAnswer => ({
  status,
  body: { detail: { status: word, message: `${word}, in the words of the vendor` } },
});
const invalid = (words: string): FakeAnswer => ({
  status: 422,
  body: { detail: [{ loc: [words], msg: 'invalid', type: 'value_error' }] },
});

const show = (key: StoredKey) => ({
  name: key.name,
  hint: key.value.slice(-4),
  key_id: key.id,
  service_account_user_id: key.place,
  created_at_unix: Math.floor(key.createdAt / 1_000),
  is_disabled: key.disabled,
  permissions: key.asked['permissions'] === 'all' ? null : key.asked['permissions'],
  disable_reason: null,
  character_limit: key.asked['character_limit'] ?? null,
  character_count: key.uses * 10,
  hashed_xi_api_key: randomBytes(32).toString('hex'),
  allowed_ips: key.asked['allowed_ips'] ?? null,
});

export const elevenLabs: VendorPart = (request, { store, adminKey }) => {
  const { method, path, body } = request;
  const key = header(request, 'xi-api-key');
  const asAdmin = (name: string, perform: () => FakeAnswer): Operation => ({
    name,
    perform: () => {
      if (key !== adminKey) return detail(401, 'invalid_api_key');
      return described(noQuery, queryOf(request), invalid, perform);
    },
  });

  if (method === 'GET' && path === '/v1/user') {
    const perform = (): FakeAnswer => {
      const used = store.use(key);
      if (used === undefined) return detail(401, 'invalid_api_key');
      const may = used.asked['permissions'];
      if (Array.isArray(may) && !may.includes('user_read')) return detail(401, 'missing_permissions');
      return { status: 200, body: { user_id: used.place, subscription: { tier: 'business', character_count: 0 } } };
    };
    return { name: 'current', perform };
  }
  const [, account, id] = /^\/v1\/service-accounts\/([^/]+)\/api-keys(?:\/([^/]+))?$/.exec(path) ?? [];
  if (account === undefined) return undefined;
  if (id === undefined && method === 'GET')
    return asAdmin('list', () => ({ status: 200, body: { 'api-keys': store.in(account).map(show) } }));
  if (id === undefined && method === 'POST') {
    const create = (asked: z.output<typeof createBody>): FakeAnswer => {
      const made = store.add({
        ...{ id: randomBytes(10).toString('hex'), value: `sk_${randomBytes(24).toString('hex')}` },
        ...{ place: account, name: asked.name, expiresAt: null, asked },
      });
      return { status: 200, body: { xi_api_key: made.value, key_id: made.id } };
    };
    return asAdmin('create', () => described(createBody, body, invalid, create));
  }
  const known = store.in(account).find((one) => one.id === id);
  const one = (perform: (found: StoredKey) => FakeAnswer) => () =>
    known === undefined ? detail(404, 'api_key_not_found') : perform(known);
  if (method === 'PATCH') {
    const edit = (found: StoredKey) =>
      described(editBody, body, invalid, ({ is_enabled: enabled }) => {
        if (typeof enabled === 'boolean') store.disable(found, !enabled);
        return { status: 200, body: { status: 'ok' } };
      });
    return asAdmin('update', one(edit));
  }
  if (method === 'DELETE')
    return asAdmin(
      'delete',
      one((found) => (store.remove(found), { status: 200, body: { status: 'ok' } })),
    );
  return undefined;
};
