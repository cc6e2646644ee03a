/**
 * Qdrant Cloud's database API keys, and one cluster that takes them under `/cluster`. Pages: https://github.com/qdrant/qdrant-cloud-public-api
 * (qdrant/cloud/cluster/auth/v2/database_api_key.proto), https://qdrant.tech/documentation/cloud/authentication/ (header `api-key`),
 * https://api.qdrant.tech/api-reference/service/root, read 2026-11.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import { keyStore, type Spread, type StoredKey } from '../key-store.ts';
import type { VendorOptions } from '../main.ts';

export interface QdrantCloudSettings {
  spread: Spread;
}

export function qdrantCloudVendor({ adminKey, onValue }: VendorOptions): Vendor<QdrantCloudSettings> {
  const settings: QdrantCloudSettings = { spread: { create: 0, revoke: 0 } };
  const store = keyStore(() => settings.spread, onValue);
  const show = (key: StoredKey) => ({
    id: key.id,
    accountId: key.asked['accountId'],
    clusterId: key.place,
    createdAt: new Date(key.createdAt).toISOString(),
    name: key.name,
    ...(key.expiresAt !== null && { expiresAt: new Date(key.expiresAt).toISOString() }),
    accessRules: key.asked['accessRules'] ?? [],
    postfix: key.value.slice(-4),
  });

  const create = (body: unknown): FakeAnswer => {
    const { databaseApiKey } = Object(body) as { databaseApiKey?: Record<string, unknown> };
    const { name, clusterId, expiresAt } = databaseApiKey ?? {};
    if (typeof name !== 'string' || !/^[\w\s-]{4,128}$/.test(name) || typeof clusterId !== 'string')
      return failure(400, 3, 'invalid name or cluster');
    const value = `eyJhbGciOiJIUzI1NiJ9.${randomBytes(40).toString('base64url')}.${randomBytes(32).toString('base64url')}`;
    const key = store.add({
      ...{ id: randomUUID(), value, place: clusterId, name, asked: databaseApiKey ?? {} },
      expiresAt: typeof expiresAt === 'string' ? Date.parse(expiresAt) : null,
    });
    return { status: 200, body: { databaseApiKey: { ...show(key), key: value } } };
  };

  const collections = (value: unknown): FakeAnswer => {
    const key = store.use(typeof value === 'string' ? value : undefined);
    if (key === undefined)
      return { status: 401, body: {}, text: 'Must provide an API key or an Authorization bearer token' };
    return { status: 200, body: { result: { collections: [] }, status: 'ok', time: 0 } };
  };

  return {
    settings,
    operation({ method, path, query, headers, body }: FakeRequest): Operation {
      if (path === '/cluster/collections')
        return { name: 'collections', perform: () => collections(headers['api-key']) };
      if (path === '/cluster/')
        return { name: 'root', perform: () => ({ status: 200, body: { title: 'qdrant - vector search engine' } }) };
      const asAdmin = (name: string, perform: () => FakeAnswer): Operation => ({
        name,
        limitedBy: 'admin',
        perform: () =>
          headers.authorization === `apikey ${adminKey}` ? perform() : failure(401, 16, 'unauthenticated'),
      });
      const [, rest] = /^\/api\/cluster\/auth\/v2\/accounts\/[^/]+\/database-api-keys(?:\/(.+))?$/.exec(path) ?? [
        '',
        '?',
      ];
      const cluster = query.get('clusterId') ?? '';
      if (rest === undefined && method === 'GET')
        return asAdmin('list', () => {
          const items = store.in(cluster).map(show);
          return { status: 200, body: items.length === 0 ? {} : { items } };
        });
      if (rest === undefined && method === 'POST') return asAdmin('create', () => create(body));
      if (rest !== undefined && method === 'DELETE')
        return asAdmin('delete', () => {
          const key = store.find(rest);
          if (key === undefined || key.place !== cluster) return failure(404, 5, 'not found');
          store.remove(key);
          return { status: 200, body: {} };
        });
      return { name: 'unknown', perform: () => failure(404, 5, 'not found') };
    },
    failure: (status, message) => failure(status, 2, message),
    lastValue: () => store.lastValue(),
    control: { 'POST /rules': (body) => store.find((Object(body) as { id: string }).id)?.asked['accessRules'] ?? null },
  };
}

const failure = (status: number, code: number, message: string): FakeAnswer => ({ status, body: { code, message } });
