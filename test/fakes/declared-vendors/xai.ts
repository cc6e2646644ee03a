/**
 * xAI: keys of a team on the management API, and GET /v1/api-key of the inference API with the key itself. Pages:
 * https://docs.x.ai/developers/rest-api-reference/management/auth and .../inference (api-key), read 2026-11. The real two are two
 * hosts; here one address plays both. A malformed or unknown key is answered 400, a disabled one is told so.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { FakeAnswer, Operation } from '../fake-server.ts';
import type { StoredKey } from '../key-store.ts';
import { described, header, queryOf, type VendorPart } from './vendor.ts';

const fields = {
  name: z.string().min(1),
  acls: z.array(z.string().regex(/^api-key:(model|endpoint):.+$/)),
  qps: z.int().nullish(),
  qpm: z.int().nullish(),
  tpm: z.string().nullish(),
  expireTime: z.iso.datetime().nullish(),
};
const createBody = z.strictObject(fields);
const updateBody = z.strictObject({
  apiKey: z.strictObject({ ...fields, disabled: z.boolean() }).partial(),
  fieldMask: z.string().min(1),
});
const listQuery = z.strictObject({
  pageSize: z.coerce.number().int().min(1).max(100).default(20),
  paginationToken: z.string().optional(),
});

const failed = (status: number, code: string, error: string): FakeAnswer => ({ status, body: { code, error } });
const invalid = (words: string): FakeAnswer => failed(400, 'invalid-argument', `Invalid request: ${words}`);
const unknownKey = failed(400, 'invalid-argument', 'Incorrect API key provided. Obtain one from the console.');

const show = (key: StoredKey) => ({
  redactedApiKey: `xai-...${key.value.slice(-4)}`,
  userId: '59fbe5f2-040b-46d5-8325-868bb8f23eb2',
  name: key.name,
  createTime: new Date(key.createdAt).toISOString(),
  modifyTime: new Date(key.changedAt).toISOString(),
  teamId: key.place,
  apiKeyId: key.id,
  disabled: key.disabled,
  aclStrings: key.asked['acls'],
  ...(key.expiresAt !== null && { expireTime: new Date(key.expiresAt).toISOString() }),
});

export const xai: VendorPart = (request, { store, adminKey }) => {
  const { method, path, body } = request;
  const bearer = /^Bearer (.+)$/.exec(header(request, 'authorization') ?? '')?.[1];
  const asAdmin = (name: string, perform: () => FakeAnswer): Operation => ({
    name,
    perform: () => (bearer === adminKey ? perform() : failed(401, 'unauthenticated', 'Invalid management key')),
  });

  if (method === 'GET' && path === '/v1/api-key') return { name: 'current', perform: () => current(store, bearer) };
  const team = /^\/auth\/teams\/([^/]+)\/api-keys$/.exec(path)?.[1];
  if (team !== undefined && method === 'GET') {
    const list = ({ pageSize, paginationToken = '0' }: z.output<typeof listQuery>): FakeAnswer => {
      const keys = store.in(team);
      const begin = Number(paginationToken);
      const more = begin + pageSize < keys.length && { paginationToken: String(begin + pageSize) };
      return { status: 200, body: { apiKeys: keys.slice(begin, begin + pageSize).map(show), ...more } };
    };
    return asAdmin('list', () => described(listQuery, queryOf(request), invalid, list));
  }
  if (team !== undefined && method === 'POST') {
    const create = (asked: z.output<typeof createBody>): FakeAnswer => {
      const value = `xai-${randomBytes(40).toString('hex')}`;
      const expiresAt = typeof asked.expireTime === 'string' ? Date.parse(asked.expireTime) : null;
      const key = store.add({ id: randomUUID(), value, place: team, name: asked.name, expiresAt, asked });
      return { status: 200, body: { ...show(key), apiKey: value } };
    };
    return asAdmin('create', () => described(createBody, body, invalid, create));
  }
  const id = /^\/auth\/api-keys\/([^/]+)$/.exec(path)?.[1];
  if (id === undefined) return undefined;
  const one = (perform: (key: StoredKey) => FakeAnswer) => () => {
    const key = store.find(id);
    return key === undefined ? failed(404, 'not-found', 'API key not found') : perform(key);
  };
  if (method === 'DELETE')
    return asAdmin(
      'delete',
      one((key) => (store.remove(key), { status: 200, body: {} })),
    );
  if (method === 'PUT') {
    const update = (key: StoredKey) =>
      described(updateBody, body, invalid, ({ apiKey, fieldMask }) => {
        if (fieldMask === 'disabled' && apiKey.disabled !== undefined) store.disable(key, apiKey.disabled);
        return { status: 200, body: show(key) };
      });
    return asAdmin('update', one(update));
  }
  return undefined;
};

function current(store: Parameters<VendorPart>[1]['store'], value: string | undefined): FakeAnswer {
  const used = store.use(value);
  const key = used ?? store.disabledOf(value);
  if (key === undefined) return unknownKey;
  return {
    status: 200,
    body: {
      ...{ redacted_api_key: `xai-...${key.value.slice(-4)}`, name: key.name, team_id: key.place },
      ...{ acls: key.asked['acls'], api_key_id: key.id, user_id: '59fbe5f2-040b-46d5-8325-868bb8f23eb2' },
      ...{ team_blocked: false, api_key_blocked: false, api_key_disabled: used === undefined },
    },
  };
}
