/**
 * Fireworks: keys of one user, and the public catalogue of models with the key itself. Pages:
 * https://docs.fireworks.ai/api-reference/create-api-key, .../list-api-keys, .../delete-api-key (with the description inside them,
 * Gateway REST API 4.259.0), .../list-models, read 2026-11. Errors are the gateway's: code, message, details.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { FakeAnswer, Operation } from '../fake-server.ts';
import type { StoredKey } from '../key-store.ts';
import { described, header, queryOf, type VendorPart } from './vendor.ts';

const createBody = z.strictObject({
  apiKey: z.strictObject({ displayName: z.string().optional(), expireTime: z.iso.datetime().optional() }),
});
const deleteBody = z.strictObject({ keyId: z.string().min(1) });
const listQuery = z.strictObject({
  pageSize: z.coerce.number().int().min(1).max(200).default(50),
  pageToken: z.string().optional(),
  filter: z.string().optional(),
  orderBy: z.string().optional(),
});

const failed = (status: number, code: number, message: string): FakeAnswer => ({
  status,
  body: { code, message, details: [] },
});
const invalid = (words: string): FakeAnswer => failed(400, 3, `invalid: ${words}`);

const show = (key: StoredKey) => ({
  keyId: key.id,
  displayName: key.name,
  createTime: new Date(key.createdAt).toISOString(),
  secure: true,
  email: 'robot@example.com',
  prefix: key.value.slice(0, 6),
  ...(key.expiresAt !== null && { expireTime: new Date(key.expiresAt).toISOString() }),
});

export const fireworks: VendorPart = (request, { store, adminKey }) => {
  const { method, path, body } = request;
  const bearer = /^Bearer (.+)$/.exec(header(request, 'authorization') ?? '')?.[1];
  const asAdmin = (name: string, perform: () => FakeAnswer): Operation => ({
    name,
    perform: () => (bearer === adminKey ? perform() : failed(401, 16, 'unauthenticated')),
  });

  if (method === 'GET' && path === '/v1/accounts/fireworks/models') {
    const perform = (): FakeAnswer =>
      store.use(bearer) === undefined
        ? failed(401, 16, 'unauthenticated')
        : {
            status: 200,
            body: { models: [{ name: 'accounts/fireworks/models/m' }], nextPageToken: '1', totalSize: 2 },
          };
    return { name: 'current', perform };
  }
  const [, account, user, verb] = /^\/v1\/accounts\/([^/]+)\/users\/([^/:]+)\/apiKeys(:delete)?$/.exec(path) ?? [];
  if (account === undefined || user === undefined) return undefined;
  const place = `${account}/${user}`;
  if (verb === undefined && method === 'GET') {
    const list = ({ pageSize, pageToken = '0' }: z.output<typeof listQuery>): FakeAnswer => {
      const keys = store.in(place);
      const begin = Number(pageToken);
      const more = begin + pageSize < keys.length;
      const apiKeys = keys.slice(begin, begin + pageSize).map(show);
      return {
        status: 200,
        body: { apiKeys, nextPageToken: more ? String(begin + pageSize) : '', totalSize: keys.length },
      };
    };
    return asAdmin('list', () => described(listQuery, queryOf(request), invalid, list));
  }
  if (verb === undefined && method === 'POST') {
    const create = ({ apiKey }: z.output<typeof createBody>): FakeAnswer => {
      const key = store.add({
        ...{ id: `key_${randomBytes(8).toString('hex')}`, value: `fw_${randomBytes(16).toString('hex')}` },
        ...{ place, name: apiKey.displayName ?? 'default', asked: apiKey },
        expiresAt: apiKey.expireTime === undefined ? null : Date.parse(apiKey.expireTime),
      });
      return { status: 200, body: { ...show(key), key: key.value } };
    };
    return asAdmin('create', () => described(createBody, body, invalid, create));
  }
  if (verb === ':delete' && method === 'POST') {
    const remove = ({ keyId }: z.output<typeof deleteBody>): FakeAnswer => {
      const key = store.in(place).find(({ id }) => id === keyId);
      if (key === undefined) return failed(404, 5, 'api key not found');
      store.remove(key);
      return { status: 200, body: {} };
    };
    return asAdmin('delete', () => described(deleteBody, body, invalid, remove));
  }
  return undefined;
};
