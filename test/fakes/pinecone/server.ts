/**
 * Pinecone's sign-in, its Admin API for keys, projects and service accounts, and GET /indexes with the key itself. Pages: https://docs.pinecone.io/reference/api/2026-04/admin
 * (list_project_api_keys, create_api_key, fetch_api_key, delete_api_key, get_token), .../guides/projects/manage-api-keys, read 2026-11.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import { keyStore, type Spread, type StoredKey } from '../key-store.ts';
import type { VendorOptions } from '../main.ts';
import { serviceAccounts } from './service-accounts.ts';

export interface PineconeSettings {
  spread: Spread;
  /** Service accounts on one page at most, whatever is asked for. */
  mostPerPage: number;
  /** 403 for projects, service accounts and role bindings. */
  blind: boolean;
  /** Roles of the service account that is there from the start, listed by the client id it signed in with; null: it is not listed. */
  rootRoles: readonly { resource_type: 'organization' | 'project'; resource_id?: string; role: string }[] | null;
}

const controlRoles = ['ProjectEditor', 'ProjectViewer', 'ControlPlaneEditor', 'ControlPlaneViewer'];

export function pineconeVendor({ adminKey, onValue }: VendorOptions): Vendor<PineconeSettings> {
  const settings: PineconeSettings = {
    spread: { create: 0, revoke: 0 },
    rootRoles: null,
    blind: false,
    mostPerPage: 100,
  };
  const store = keyStore(() => settings.spread, onValue);
  const accounts = serviceAccounts(settings, onValue);
  const projects = new Set<string>();
  /** Each token with the secret that it was minted with. */
  const tokens = new Map<string, string>();
  const roles = (key: StoredKey) => (Array.isArray(key.asked['roles']) ? key.asked['roles'] : ['ProjectEditor']);
  const show = (key: StoredKey) => ({ id: key.id, name: key.name, project_id: key.place, roles: roles(key) });

  const signIn = (body: Record<string, unknown>): FakeAnswer => {
    if (body['grant_type'] !== 'client_credentials' || body['audience'] !== 'https://api.pinecone.io/')
      return { status: 400, body: { error: 'invalid_request' } };
    const [id, secret] = [String(body['client_id']), String(body['client_secret'])];
    if (secret !== adminKey && !accounts.use(id, secret)) return { status: 401, body: { error: 'access_denied' } };
    if (secret === adminKey) accounts.root(id);
    const token = randomBytes(24).toString('base64url');
    tokens.set(token, secret);
    return { status: 200, body: { access_token: token, token_type: 'Bearer', expires_in: 1_800 } };
  };

  const create = (place: string, body: Record<string, unknown>): FakeAnswer => {
    const { name } = body;
    if (typeof name !== 'string' || name.length > 80) return failure(400, 'INVALID_ARGUMENT', 'name');
    const value = `pckey_${randomBytes(4).toString('hex')}_${randomBytes(32).toString('hex')}`;
    const key = store.add({ id: randomUUID(), value, place, name, asked: body, expiresAt: null });
    return { status: 201, body: { key: show(key), value } };
  };

  return {
    settings,
    operation(request: FakeRequest): Operation {
      const { method, path, headers } = request;
      // What a client sends is an object or nothing.
      const body = Object(request.body) as Record<string, unknown>;
      if (path === '/oauth/token') return { name: 'sign-in', perform: () => signIn(body) };
      if (path === '/indexes') {
        const perform = (): FakeAnswer => {
          const value = headers['api-key'];
          const key = store.use(typeof value === 'string' ? value : undefined);
          if (key === undefined) return failure(401, 'UNAUTHENTICATED', 'Invalid API key.');
          if (!roles(key).some((role: unknown) => controlRoles.includes(String(role))))
            return failure(403, 'FORBIDDEN', 'API key lacks the permission');
          return { status: 200, body: { indexes: [] } };
        };
        return { name: 'indexes', perform };
      }
      const asAdmin = (name: string, perform: () => FakeAnswer): Operation => ({
        name,
        limitedBy: 'admin',
        perform: () => {
          const secret = tokens.get(headers.authorization?.replace(/^Bearer /, '') ?? '');
          const works = secret !== undefined && (secret === adminKey || accounts.works(secret));
          return works ? perform() : failure(401, 'UNAUTHENTICATED', 'Invalid token.');
        },
      });
      const accountsAsked = accounts.operation(method, path, request.query, body);
      if (settings.blind && (accountsAsked !== undefined || path === '/admin/projects'))
        return asAdmin('blind', () => failure(403, 'FORBIDDEN', 'Not allowed.'));
      if (accountsAsked !== undefined) return asAdmin(accountsAsked.name, accountsAsked.perform);
      if (path === '/admin/projects' && method === 'GET')
        return asAdmin('projects', () => ({ status: 200, body: { data: [...projects].map(showProject) } }));
      const project = /^\/admin\/projects\/([^/]+)\/api-keys$/.exec(path)?.[1];
      if (project !== undefined) projects.add(project);
      if (project !== undefined && method === 'GET')
        return asAdmin('list', () => ({ status: 200, body: { data: store.in(project).map(show) } }));
      if (project !== undefined && method === 'POST') return asAdmin('create', () => create(project, body));
      const id = /^\/admin\/api-keys\/([^/]+)$/.exec(path)?.[1];
      if (id !== undefined && method === 'DELETE')
        return asAdmin('delete', () => {
          const key = store.find(id);
          if (key === undefined) return failure(404, 'NOT_FOUND', 'API key not found');
          store.remove(key);
          return { status: 202, body: {} };
        });
      return { name: 'unknown', perform: () => failure(404, 'NOT_FOUND', 'no such path') };
    },
    failure: (status, message) => failure(status, 'UNKNOWN', message),
    lastValue: () => accounts.lastValue() ?? store.lastValue(),
    control: { 'GET /accounts': () => accounts.all() },
  };
}

const showProject = (id: string) => ({
  ...{ id, name: id, organization_id: 'org-fake' },
  ...{ max_pods: 0, force_encryption_with_cmek: false },
});

const failure = (status: number, code: string, message: string): FakeAnswer => ({
  status,
  body: { error: { code, message }, status },
});
