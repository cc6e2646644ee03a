/**
 * The routes of OpenAI's administration API that keys need, and GET /models with the key itself. Admin keys: `admin-keys.ts`. No `/v1`: the official
 * description in `../specs` has none either, so that a validating proxy fits in front.
 * Pages: https://platform.openai.com/docs/api-reference/project-service-accounts, .../project-api-keys, .../models/list,
 * https://platform.openai.com/docs/guides/error-codes, read 2026-11.
 */
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';
import { adminKeys } from './admin-keys.ts';
import { field, number, text, texts } from './body.ts';
import {
  type Account,
  hasAccess,
  type Key,
  openAiDefaults,
  openAiState,
  isRefusal,
  refusal,
  type OpenAiSettings,
} from './state.ts';

export function openAiVendor({ adminKey, onValue }: VendorOptions): Vendor<OpenAiSettings> {
  const settings = openAiDefaults();
  let lastValue: string | undefined;
  const noted = (value: string): void => {
    lastValue = value;
    onValue(value);
  };
  const state = openAiState(settings, noted);
  const admins = adminKeys(() => settings.spread, noted);
  const isAdmin = (bearer: string): boolean => bearer === adminKey || admins.use(bearer);

  const key = (one: Key) => ({
    object: 'organization.project.api_key',
    id: one.id,
    name: one.name,
    redacted_value: `${one.value.slice(0, 14)}${'*'.repeat(9)}${one.value.slice(-3)}`,
    created_at: seconds(one.createdAt),
    last_used_at: seconds(state.lastUsedAt(one)),
    expires_at: seconds(one.expiresAt),
    owner_project_access: hasAccess(one) ? 'active' : 'inactive',
    owner: one.account
      ? { type: 'service_account', service_account: { ...account(one.account), object: undefined } }
      : {
          type: 'user',
          user: { id: 'user_fake', email: 'person@example.com', name: 'Person', created_at: 0, role: 'owner' },
        },
  });
  const project = (one: { readonly id: string }) => ({
    ...{ object: 'organization.project', id: one.id, name: one.id, status: 'active' },
    ...{ created_at: 0, archived_at: null },
  });
  const account = (one: Account) => ({
    object: 'organization.project.service_account',
    id: one.id,
    name: one.name,
    role: one.role,
    created_at: seconds(one.createdAt),
  });
  const fresh = (one: Key) => ({
    object: 'organization.project.service_account.api_key',
    id: one.id,
    name: one.name,
    value: one.value,
    created_at: seconds(one.createdAt),
    expires_at: seconds(one.expiresAt),
  });

  const routes: readonly Route[] = [
    ['admin-create', 'POST', /^\/organization\/admin_api_keys$/, ({ body }) => admins.create(body)],
    ['admin-list', 'GET', /^\/organization\/admin_api_keys$/, ({ query }) => page(admins.live(), query, admins.show)],
    ['admin-get', 'GET', /^\/organization\/admin_api_keys\/([^/]+)$/, (_, id) => admins.show(admins.of(id))],
    ['admin-delete', 'DELETE', /^\/organization\/admin_api_keys\/([^/]+)$/, (_, id) => admins.remove(id)],
    ['projects', 'GET', /^\/organization\/projects$/, ({ query }) => page(state.projects(), query, project)],
    [
      'create',
      'POST',
      /^\/organization\/projects\/([^/]+)\/service_accounts$/,
      ({ body }, project) => {
        const only = field(body, 'create_service_account_only') === true;
        const made = state.createAccount(project, text(body, 'name'), only, number(body, 'expires_in_seconds'));
        return { ...account(made.account), api_key: made.key && fresh(made.key) };
      },
    ],
    [
      'list-accounts',
      'GET',
      /^\/organization\/projects\/([^/]+)\/service_accounts$/,
      ({ query }, project) => page(state.listAccounts(project), query, account),
    ],
    [
      'get-account',
      'GET',
      /^\/organization\/projects\/([^/]+)\/service_accounts\/([^/]+)$/,
      (_, project, id) => account(state.accountOf(project, id)),
    ],
    [
      'update-account',
      'POST',
      /^\/organization\/projects\/([^/]+)\/service_accounts\/([^/]+)$/,
      ({ body }, project, id) => {
        const role = field(body, 'role');
        const name = field(body, 'name');
        return account(
          state.updateAccount(project, id, {
            name: typeof name === 'string' ? name : undefined,
            role: role === 'member' || role === 'owner' ? role : undefined,
          }),
        );
      },
    ],
    [
      'delete-account',
      'DELETE',
      /^\/organization\/projects\/([^/]+)\/service_accounts\/([^/]+)$/,
      (_, project, id) => {
        state.deleteAccount(project, id);
        return { object: 'organization.project.service_account.deleted', id, deleted: true };
      },
    ],
    [
      'create-key',
      'POST',
      /^\/organization\/projects\/([^/]+)\/service_accounts\/([^/]+)\/api_keys$/,
      ({ body }, project, id) => {
        const name = field(body, 'name');
        return fresh(
          state.createKey(project, id, {
            name: typeof name === 'string' ? name : '',
            scopes: texts(body, 'scopes'),
            expiresInSeconds: number(body, 'expires_in_seconds'),
          }),
        );
      },
    ],
    [
      'list',
      'GET',
      /^\/organization\/projects\/([^/]+)\/api_keys$/,
      ({ query }, project) => page(state.listKeys(project, query.get('owner_project_access')), query, key),
    ],
    [
      'get',
      'GET',
      /^\/organization\/projects\/([^/]+)\/api_keys\/([^/]+)$/,
      (_, project, id) => key(state.keyOf(project, id)),
    ],
    [
      'update',
      'POST',
      /^\/organization\/projects\/([^/]+)\/api_keys\/([^/]+)$/,
      ({ body }, project, id) =>
        key(
          state.updateKey(project, id, {
            scopes: texts(body, 'scopes'),
            expiresInSeconds: number(body, 'expires_in_seconds'),
          }),
        ),
    ],
    [
      'delete',
      'DELETE',
      /^\/organization\/projects\/([^/]+)\/api_keys\/([^/]+)$/,
      (_, project, id) => {
        state.deleteKey(project, id);
        return { object: 'organization.project.api_key.deleted', id, deleted: true };
      },
    ],
  ];

  const models = (bearer: string): FakeAnswer => {
    const status = isAdmin(bearer) ? 403 : state.use(bearer);
    if (status === 401) return failure(401, `Incorrect API key provided: ${bearer.slice(0, 8)}***.`, 'invalid_api_key');
    if (status === 403)
      return failure(403, 'You have insufficient permissions for this operation.', 'insufficient_permissions');
    return {
      status,
      body: {
        object: 'list',
        data: [{ id: 'model-1', object: 'model', created: 0, owned_by: 'system', shutdown_date: null }],
      },
    };
  };

  const operation = (request: FakeRequest): Operation => {
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (request.method === 'GET' && request.path === '/models')
      return { name: 'models', perform: () => models(bearer) };
    for (const [name, method, path, serve] of routes) {
      const match = request.method === method ? path.exec(request.path) : null;
      if (!match) continue;
      const [, project = '', id = ''] = match;
      return {
        name,
        limitedBy: project,
        perform: () => {
          if (!isAdmin(bearer)) return failure(401, 'Incorrect API key provided.', 'invalid_api_key');
          if (settings.narrowAdmin && (name.startsWith('admin-') || name === 'projects'))
            return failure(403, 'You have insufficient permissions for this operation.', 'insufficient_permissions');
          try {
            return { status: 200, body: serve(request, project, id) };
          } catch (error) {
            if (isRefusal(error)) return failure(error.refusal.status, error.refusal.message, error.refusal.code);
            throw error;
          }
        },
      };
    }
    return { name: 'unknown', perform: () => failure(404, `Invalid URL (${request.method} ${request.path})`, null) };
  };

  return {
    settings,
    operation,
    failure: (status, message) => failure(status, message, null),
    lastValue: () => lastValue,
    control: {
      'GET /keys': () =>
        state.keys.map((one) => ({
          id: one.id,
          project: one.project,
          name: one.account?.name ?? one.name,
          keyName: one.name,
          account: one.account?.id ?? null,
          scopes: one.scopes,
          createdAt: one.createdAt,
          expiresAt: one.expiresAt,
          uses: one.uses.length,
          live: state.alive(one),
          // What a thief who holds it could do now.
          works: state.works(one),
          deletedAt: one.deletedAt,
          kills: one.kills,
        })),
      'GET /accounts': () =>
        state.accounts.map((one) => ({
          id: one.id,
          project: one.project,
          name: one.name,
          live: one.deletedAt === null,
        })),
      'GET /admin-keys': () => admins.all(),
      // A person's own key, made in the dashboard: unmanaged, and never ours to touch.
      'POST /keys': (body) => {
        const made = state.createPersonalKey(text(body, 'project'), text(body, 'name'));
        return { id: made.id, value: made.value };
      },
    },
  };
}

type Route = readonly [
  name: string,
  method: string,
  path: RegExp,
  serve: (request: FakeRequest, project: string, id: string) => unknown,
];

function page<Item extends { readonly id: string }>(
  items: readonly Item[],
  query: URLSearchParams,
  show: (item: Item) => unknown,
) {
  const limit = Number(query.get('limit') ?? 20);
  if (!(limit >= 1 && limit <= 100))
    throw refusal({ status: 400, code: null, message: 'limit must be between 1 and 100' });
  const after = query.get('after');
  const start = after === null ? 0 : items.findIndex((one) => one.id === after) + 1;
  if (after !== null && start === 0)
    throw refusal({ status: 400, code: null, message: 'the cursor is not in the list' });
  const shown = items.slice(start, start + limit);
  return {
    object: 'list',
    data: shown.map(show),
    first_id: shown[0]?.id ?? null,
    last_id: shown.at(-1)?.id ?? null,
    has_more: start + limit < items.length,
  };
}

const failure = (status: number, message: string, code: string | null): FakeAnswer => ({
  status,
  body: { error: { message, type: status === 429 ? 'rate_limit_error' : 'invalid_request_error', param: null, code } },
});

function seconds(milliseconds: number): number;
function seconds(milliseconds: number | null): number | null;
function seconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.floor(milliseconds / 1_000);
}
