/**
 * The routes of Anthropic's Admin API that keys need, and GET /v1/models with the key itself.
 * Pages: https://platform.claude.com/docs/en/api/organization/api_keys/list, .../update, .../retrieve,
 * https://platform.claude.com/docs/en/api/models-list, https://platform.claude.com/docs/en/api/errors, read 2026-11.
 */
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';
import {
  anthropicDefaults,
  anthropicState,
  isRefusal,
  refusal,
  statuses,
  type AnthropicSettings,
  type Key,
  type Status,
} from './state.ts';

const keyPath = /^\/v1\/organizations\/api_keys\/([^/]+)$/;

export function anthropicVendor({ adminKey, onValue }: VendorOptions): Vendor<AnthropicSettings> {
  const settings = anthropicDefaults();
  let lastValue: string | undefined;
  const state = anthropicState(settings, (value) => {
    lastValue = value;
    onValue(value);
  });

  const show = (key: Key) => ({
    type: 'api_key',
    id: key.id,
    name: key.name,
    status: state.shownStatus(key),
    partial_key_hint: key.hint,
    workspace_id: key.workspace,
    created_at: new Date(key.createdAt).toISOString(),
    expires_at: key.expiresAt === null ? null : new Date(key.expiresAt).toISOString(),
    created_by: { id: 'user_fake', type: 'user' },
  });

  /** Newest first; `after_id` goes on towards older keys. */
  const list = (query: URLSearchParams) => {
    const limit = Number(query.get('limit') ?? 20);
    if (!(limit >= 1 && limit <= 1_000))
      throw refusal(400, 'invalid_request_error', 'limit must be between 1 and 1000');
    const status = query.get('status');
    const workspace = query.get('workspace_id');
    const wanted = state.keys.filter(
      (key) =>
        (status === null || state.shownStatus(key) === status) && (workspace === null || key.workspace === workspace),
    );
    const cursor = query.get('after_id');
    const start = cursor === null ? 0 : wanted.findIndex((key) => key.id === cursor) + 1;
    if (cursor !== null && start === 0) throw refusal(400, 'invalid_request_error', 'the cursor is not in the list');
    const shown = wanted.slice(start, start + limit);
    return {
      data: shown.map(show),
      first_id: shown[0]?.id ?? null,
      last_id: shown.at(-1)?.id ?? null,
      has_more: start + limit < wanted.length,
    };
  };

  const asAdmin = (request: FakeRequest, serve: () => unknown) => (): FakeAnswer => {
    const key = request.headers['x-api-key'];
    if (key !== adminKey) return failure(401, 'authentication_error', 'invalid x-api-key');
    if (!request.headers['anthropic-version'])
      return failure(400, 'invalid_request_error', 'anthropic-version: header is required');
    try {
      return { status: 200, body: serve() };
    } catch (error) {
      if (isRefusal(error))
        return failure(error.refusal.status, error.refusal.type, error.message, error.refusal.errorCode);
      throw error;
    }
  };

  const models = (request: FakeRequest) => (): FakeAnswer => {
    const key = request.headers['x-api-key'];
    // An admin key is authentic and not permitted here.
    if (key === adminKey) return failure(403, 'permission_error', 'this key may not call this endpoint');
    if (typeof key !== 'string' || !state.accepts(key))
      return failure(401, 'authentication_error', 'invalid x-api-key');
    return {
      status: 200,
      body: { data: [{ type: 'model', id: 'model-1' }], first_id: 'model-1', last_id: 'model-1', has_more: false },
    };
  };

  const operation = (request: FakeRequest): Operation => {
    const { method, path, body } = request;
    const id = keyPath.exec(path)?.[1];
    if (method === 'GET' && path === '/v1/models') return { name: 'models', perform: models(request) };
    if (method === 'GET' && path === '/v1/organizations/api_keys')
      return { name: 'list', perform: asAdmin(request, () => list(request.query)) };
    if (method === 'GET' && id !== undefined)
      return { name: 'get', perform: asAdmin(request, () => show(state.keyOf(id))) };
    if (method === 'POST' && id !== undefined) {
      return { name: 'update', perform: asAdmin(request, () => show(state.update(id, changeFrom(body)))) };
    }
    return { name: 'unknown', perform: () => failure(404, 'not_found_error', 'Not Found') };
  };

  return {
    settings,
    operation,
    failure: (status, message) => failure(status, status === 401 ? 'authentication_error' : 'api_error', message),
    lastValue: () => lastValue,
    control: {
      'GET /keys': () =>
        state.keys.map((key) => ({
          id: key.id,
          name: key.name,
          status: state.shownStatus(key),
          live: state.shownStatus(key) === 'active' || state.shownStatus(key) === 'inactive',
        })),
      'POST /keys': (body) => {
        const given = Object(body) as {
          name?: string;
          workspace?: string;
          expiresInSeconds?: number;
          likeKey?: string;
        };
        const key = state.createInConsole({ ...given, name: given.name ?? 'made in the console' });
        return { id: key.id, value: key.value };
      },
    },
  };
}

function changeFrom(body: unknown): { name?: string; status?: Status } {
  const { name, status } = Object(body) as { name?: unknown; status?: unknown };
  if (name !== undefined && (typeof name !== 'string' || name.length < 1 || name.length > 500)) {
    throw refusal(400, 'invalid_request_error', 'name must have 1 to 500 characters');
  }
  const known = statuses.find((one) => one === status);
  if (status !== undefined && known === undefined)
    throw refusal(400, 'invalid_request_error', 'status is not one of the known');
  return { ...(name === undefined ? {} : { name }), ...(known === undefined ? {} : { status: known }) };
}

const failure = (status: number, type: string, message: string, errorCode?: string): FakeAnswer => ({
  status,
  body: {
    type: 'error',
    error: { type, message, ...(errorCode === undefined ? {} : { details: { error_code: errorCode } }) },
  },
});
