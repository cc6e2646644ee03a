/**
 * Service accounts and role bindings of a Pinecone organization. Pages: https://docs.pinecone.io/reference/api/2026-04/admin
 * (create_service_account, list_service_accounts, delete_service_account, list_role_bindings), read 2026-11.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { FakeAnswer, Operation } from '../fake-server.ts';
import { keyStore, type StoredKey } from '../key-store.ts';
import type { PineconeSettings } from './server.ts';

const place = 'organization';

export function serviceAccounts(settings: PineconeSettings, onValue: (value: string) => void) {
  const store = keyStore(() => settings.spread, onValue);
  const made: StoredKey[] = [];
  let root: { readonly id: string; readonly clientId: string } | undefined;

  const clientOf = (key: StoredKey) => `client-${key.id}`;
  const time = (at: number) => new Date(at).toISOString();
  const show = (key: StoredKey) => ({
    ...{ id: key.id, name: key.name, client_id: clientOf(key) },
    ...{ created_at: time(key.createdAt), updated_at: time(key.changedAt) },
  });
  const accounts = () => [
    ...(root === undefined || settings.rootRoles === null
      ? []
      : [{ id: root.id, name: 'root', client_id: root.clientId, created_at: time(0), updated_at: time(0) }]),
    ...store.in(place).map(show),
  ];

  const page = <Item>(all: readonly Item[], query: URLSearchParams): FakeAnswer => {
    const start = Number(query.get('paginationToken') ?? 0);
    const limit = Math.min(Number(query.get('limit') ?? 20), settings.mostPerPage);
    const next = start + limit < all.length ? { pagination: { next: `${start + limit}` } } : {};
    return { status: 200, body: { data: all.slice(start, start + limit), ...next } };
  };

  const create = (body: Record<string, unknown>): FakeAnswer => {
    const { name } = body;
    if (typeof name !== 'string') return failure(400, 'INVALID_ARGUMENT', 'name');
    const value = randomBytes(48).toString('base64url');
    const key = store.add({ id: randomUUID(), value, place, name, asked: body, expiresAt: null });
    made.push(key);
    return { status: 201, body: { service_account: show(key), client_secret: value } };
  };

  const bindings = (query: URLSearchParams): FakeAnswer => {
    const id = query.get('principal_id');
    const own = id === root?.id ? settings.rootRoles : made.find((key) => key.id === id)?.asked['role_bindings'];
    const shown = (Array.isArray(own) ? own : []).map((one: object) => ({
      ...{ id: randomUUID(), principal_type: 'service_account', principal_id: id, resource_id: 'org-fake' },
      ...{ created_at: time(0), ...one },
    }));
    return page(shown, query);
  };

  return {
    lastValue: () => store.lastValue(),
    /** The account that is there from the start, by the client id it signs in with. */
    root: (clientId: string): void => void (root ??= { id: randomUUID(), clientId }),
    use: (clientId: string, secret: string): boolean => {
      const key = made.find((one) => one.value === secret);
      return key !== undefined && clientOf(key) === clientId && store.use(secret) !== undefined;
    },
    /** Tokens end with the account that they were minted for. */
    works: (secret: string): boolean => store.use(secret) !== undefined,
    all: () => made.map(({ id, name, deletedAt, uses }) => ({ id, name, live: deletedAt === null, uses })),

    operation(
      method: string,
      path: string,
      query: URLSearchParams,
      body: Record<string, unknown>,
    ): Operation | undefined {
      if (path === '/admin/role-bindings' && method === 'GET')
        return { name: 'list-bindings', perform: () => bindings(query) };
      if (path === '/admin/service-accounts' && method === 'GET')
        return { name: 'list-accounts', perform: () => page(accounts(), query) };
      if (path === '/admin/service-accounts' && method === 'POST')
        return { name: 'create-account', perform: () => create(body) };
      const id = /^\/admin\/service-accounts\/([^/]+)$/.exec(path)?.[1];
      if (id === undefined || method !== 'DELETE') return undefined;
      const perform = (): FakeAnswer => {
        const key = store.find(id);
        if (key === undefined) return failure(404, 'NOT_FOUND', 'Service account not found');
        store.remove(key);
        return { status: 202, body: {} };
      };
      return { name: 'delete-account', perform };
    },
  };
}

const failure = (status: number, code: string, message: string): FakeAnswer => ({
  status,
  body: { error: { code, message }, status },
});
