/**
 * Supabase's key management, and one call of a project with the key itself (`/auth/v1/settings`).
 * Pages: https://supabase.com/docs/reference/api (v1-get-project-api-keys, v1-create-project-api-key, v1-delete-project-api-key,
 * v1-update-project-legacy-api-keys), https://supabase.com/docs/guides/api/api-keys, read 2026-11.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import { keyStore, type Spread, type StoredKey } from '../key-store.ts';
import type { VendorOptions } from '../main.ts';

export interface SupabaseSettings {
  spread: Spread;
  /** The description names no 404: what a key that is gone answers is not said. */
  goneStatus: 404 | 400;
}

export function supabaseVendor({ adminKey, onValue }: VendorOptions): Vendor<SupabaseSettings> {
  const settings: SupabaseSettings = { spread: { create: 0, revoke: 0 }, goneStatus: 404 };
  const store = keyStore(() => settings.spread, onValue);
  const legacy = new Map<string, boolean>();
  const deletions: { id: string; compromised: string | null; reason: string | null }[] = [];

  const show = (key: StoredKey, reveal: boolean) => ({
    id: key.id,
    type: 'secret',
    name: key.name,
    description: typeof key.asked['description'] === 'string' ? key.asked['description'] : null,
    prefix: key.value.slice(0, 15),
    api_key: reveal ? key.value : `${key.value.slice(0, 15)}··········`,
    hash: 'hash',
    inserted_at: new Date(key.createdAt).toISOString(),
    updated_at: new Date(key.changedAt).toISOString(),
  });
  const old = (name: string) => ({ name, id: name, type: 'legacy', description: null, api_key: 'eyJ', prefix: null });

  const create = (place: string, body: Record<string, unknown>, reveal: boolean): FakeAnswer => {
    const { type, name } = body;
    if (type !== 'secret' || typeof name !== 'string') return failure(400, 'type and name are required');
    if (store.in(place).some((key) => key.name === name)) return failure(400, 'an API key with this name exists');
    const value = `sb_secret_${randomBytes(24).toString('base64url').slice(0, 31)}`;
    const key = store.add({ id: randomUUID(), value, place, name, asked: body, expiresAt: null });
    return { status: 201, body: show(key, reveal) };
  };

  const one = ({ method, query }: FakeRequest, id: string): FakeAnswer => {
    const key = store.find(id);
    if (key === undefined) return failure(settings.goneStatus, 'API key not found');
    if (method === 'DELETE') {
      store.remove(key);
      deletions.push({ id, compromised: query.get('was_compromised'), reason: query.get('reason') });
    }
    return { status: 200, body: show(key, query.get('reveal') === 'true') };
  };

  return {
    settings,
    operation(request: FakeRequest): Operation {
      const { method, path, query } = request;
      const [, ref = '', rest] = /^\/v1\/projects\/([a-z]{20})\/api-keys(?:\/(.+))?$/.exec(path) ?? [];
      if (method === 'GET' && path.endsWith('/auth/v1/settings')) {
        const apikey = request.headers['apikey'];
        const perform = (): FakeAnswer =>
          store.use(typeof apikey === 'string' ? apikey : undefined) === undefined
            ? { status: 401, body: { message: 'Invalid API key', hint: 'Double check your API key.' } }
            : { status: 200, body: { external: {}, disable_signup: false } };
        return { name: 'settings', perform };
      }
      if (ref === '') return { name: 'unknown', perform: () => failure(404, 'Not Found') };
      const reveal = query.get('reveal') === 'true';
      const asAdmin = (name: string, perform: () => FakeAnswer): Operation => ({
        name,
        limitedBy: ref,
        perform: () =>
          request.headers.authorization === `Bearer ${adminKey}` ? perform() : failure(401, 'Unauthorized'),
      });
      // What a client sends is an object or nothing.
      const body = Object(request.body) as Record<string, unknown>;
      if (rest === undefined && method === 'GET')
        return asAdmin('list', () => ({
          status: 200,
          body: [old('anon'), old('service_role'), ...store.in(ref).map((key) => show(key, reveal))],
        }));
      if (rest === undefined && method === 'POST') return asAdmin('create', () => create(ref, body, reveal));
      if (rest === 'legacy')
        return asAdmin('legacy', () => {
          if (method === 'PUT') legacy.set(ref, query.get('enabled') === 'true');
          return { status: 200, body: { enabled: legacy.get(ref) ?? true } };
        });
      if (rest !== undefined && (method === 'GET' || method === 'DELETE'))
        return asAdmin(method === 'GET' ? 'get' : 'delete', () => one(request, rest));
      return { name: 'unknown', perform: () => failure(404, 'Not Found') };
    },
    failure: (status, message) => failure(status, message),
    lastValue: () => store.lastValue(),
    control: { 'GET /deletions': () => deletions },
  };
}

const failure = (status: number, message: string): FakeAnswer => ({ status, body: { message } });
