/**
 * OpenRouter's key management, and GET /key with the key itself; no `/api/v1`, as in the description in `../specs`.
 * Pages: https://openrouter.ai/docs/api-reference/api-keys (list, create, get, update, delete), .../get-current-api-key,
 * https://openrouter.ai/docs/api-reference/errors, read 2026-11.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import { keyStore, type Spread, type StoredKey } from '../key-store.ts';
import type { VendorOptions } from '../main.ts';

export interface OpenRouterSettings {
  spread: Spread;
}

export function openRouterVendor({ adminKey, onValue }: VendorOptions): Vendor<OpenRouterSettings> {
  const settings: OpenRouterSettings = { spread: { create: 0, revoke: 0 } };
  const store = keyStore(() => settings.spread, onValue);
  const home = randomUUID();

  const shared = (key: StoredKey) => {
    const usage = key.uses / 1_000;
    const { limit = null, limit_reset: reset = null } = key.asked;
    return {
      label: `${key.value.slice(0, 12)}...${key.value.slice(-3)}`,
      ...{ usage, usage_daily: usage, usage_weekly: usage, usage_monthly: usage },
      ...{ byok_usage: 0, byok_usage_daily: 0, byok_usage_weekly: 0, byok_usage_monthly: 0 },
      ...{ limit, limit_remaining: typeof limit === 'number' ? limit - usage : null, limit_reset: reset },
      ...{ include_byok_in_limit: false, creator_user_id: null },
      ...(key.expiresAt !== null && { expires_at: iso(key.expiresAt) }),
    };
  };
  const show = (key: StoredKey) => ({
    hash: key.id,
    name: key.name,
    disabled: key.disabled,
    created_at: iso(key.createdAt),
    updated_at: iso(key.changedAt),
    workspace_id: key.place,
    ...shared(key),
  });

  const create = (body: Record<string, unknown>): FakeAnswer => {
    const { name, workspace_id: place = home, expires_at: expires } = body;
    if (typeof name !== 'string' || name === '') return failure(400, 'name is required');
    const key = store.add({
      ...{ id: randomBytes(32).toString('hex'), value: `sk-or-v1-${randomBytes(32).toString('hex')}` },
      ...{ place: String(place), name, asked: body },
      expiresAt: typeof expires === 'string' ? Date.parse(expires) : null,
    });
    return { status: 201, body: { data: show(key), key: key.value } };
  };

  const one = (method: string, id: string, body: Record<string, unknown>): FakeAnswer => {
    const key = store.find(id);
    if (key === undefined) return failure(404, 'API key not found');
    if (method === 'DELETE') {
      store.remove(key);
      return { status: 200, body: { deleted: true } };
    }
    if (method === 'PATCH' && typeof body['disabled'] === 'boolean') store.disable(key, body['disabled']);
    return { status: 200, body: { data: show(key) } };
  };

  const list = (query: URLSearchParams): FakeAnswer => {
    const offset = Number(query.get('offset') ?? 0);
    const wanted = store
      .in(query.get('workspace_id') ?? home)
      .filter((key) => query.get('include_disabled') === 'true' || !key.disabled);
    return { status: 200, body: { data: wanted.slice(offset, offset + 100).map(show) } };
  };

  const current = (bearer: string | undefined): FakeAnswer => {
    const key = store.use(bearer);
    if (key === undefined) return failure(401, 'User not found.');
    const about = { is_free_tier: false, is_management_key: false, is_provisioning_key: false };
    const rate = { rate_limit: { interval: '1h', requests: 1000, note: 'This field is deprecated.' } };
    return { status: 200, body: { data: { ...shared(key), ...about, ...rate } } };
  };

  const names = { GET: 'get', PATCH: 'update', DELETE: 'delete' } as const;

  return {
    settings,
    operation(request: FakeRequest): Operation {
      const { method, path, query } = request;
      const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
      // What a client sends is an object or nothing.
      const body = Object(request.body) as Record<string, unknown>;
      const asAdmin = (name: string, perform: () => FakeAnswer): Operation => ({
        name,
        limitedBy: 'keys',
        perform: () => (bearer === adminKey ? perform() : failure(401, 'Invalid management key')),
      });
      if (path === '/key') return { name: 'current', perform: () => current(bearer) };
      if (path === '/keys' && method === 'GET') return asAdmin('list', () => list(query));
      if (path === '/keys' && method === 'POST') return asAdmin('create', () => create(body));
      const id = /^\/keys\/([^/]+)$/.exec(path)?.[1];
      if (id !== undefined && (method === 'GET' || method === 'PATCH' || method === 'DELETE'))
        return asAdmin(names[method], () => one(method, id, body));
      return { name: 'unknown', perform: () => failure(404, 'Not Found') };
    },
    failure: (status, message) => failure(status, message),
    lastValue: () => store.lastValue(),
    control: { 'GET /asked': () => store.in(home).map(({ id, asked }) => ({ id, asked })) },
  };
}

const iso = (at: number): string => new Date(at).toISOString();
const failure = (status: number, message: string): FakeAnswer => ({
  status,
  body: { error: { code: status, message } },
});
