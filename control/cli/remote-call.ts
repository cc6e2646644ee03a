import { randomUUID } from 'node:crypto';
import { codeOf, errorTable, isErrorCode, isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import { httpClient } from '../../outbound/http-client.ts';
import type { HttpAnswer, HttpClient } from '../../outbound/http-client.ts';
import { peopleRoutes } from '../http-api/people/routes.ts';
import type { PeopleRoute } from '../http-api/people/routes.ts';
import type { CallOperation } from './command.ts';

/** Below the bound of one call; an emergency answers once Temporal, a worker and the ledger have had their say. */
const timeout = 19_000;
const statuses = [...new Set(Object.values(errorTable).map(({ status }) => status))];

/**
 * Asks the API for every operation, by its own table of routes. Its problems come back as our errors. A start carries an
 * idempotency key, so that one whose answer was lost is asked for once more and happens once.
 */
export function remoteCall(url: string, token: string): CallOperation {
  const client = httpClient({ baseUrl: url, timeout, responseLimit: 32 * 1024 * 1024 });
  return async (operation, input) => {
    const route = peopleRoutes.find((one) => one.operation.name === operation.name);
    if (route === undefined)
      throw new KeybatonError('UNSUPPORTED', 'this works only on the machine itself: unset KEYBATON_URL');
    const key = operation.effect === 'start' ? { 'idempotency-key': randomUUID() } : {};
    const send = (): Promise<HttpAnswer> => sendTo(client, route, input, { authorization: `Bearer ${token}`, ...key });
    const answer = await send().catch((thrown: unknown) => {
      if (operation.effect !== 'start' || codeOf(thrown) !== 'AMBIGUOUS') throw thrown;
      return send();
    });
    const read = operation.answer.safeParse(bodyOf(answer));
    if (read.success) return read.data;
    throw new KeybatonError(
      'UNAVAILABLE',
      'the API answered something else than this build expects: is it of another version',
    );
  };
}

/** Anything of the API that is no operation. */
export async function askApi(url: string, token: string, path: string): Promise<unknown> {
  const client = httpClient({ baseUrl: url, timeout });
  return bodyOf(
    await client.request({ method: 'GET', path, headers: { authorization: `Bearer ${token}` }, expect: statuses }),
  );
}

/** What somebody asks who has no token yet; asking twice does no harm. */
export async function askBeforeSignIn(url: string, path: string, body?: object): Promise<unknown> {
  const client = httpClient({ baseUrl: url, timeout });
  const how = body === undefined ? { method: 'GET' as const } : { method: 'POST' as const, body };
  return bodyOf(await client.request({ ...how, path, expect: statuses, mayHaveHappened: false }));
}

/** Ends a sign-in at its API, for every copy of it; false when that did not answer. */
export async function endSignIn({ url, token }: { readonly url: string; readonly token: string }): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}` };
  try {
    const client = httpClient({ baseUrl: url, timeout });
    const { status } = await client.request({
      method: 'POST',
      path: '/v1/sign-out',
      headers,
      body: {},
      expect: statuses,
    });
    return status === 204;
  } catch (thrown) {
    if (!isKeybatonError(thrown)) throw thrown;
    return false;
  }
}

function sendTo(
  client: HttpClient,
  { method, path }: PeopleRoute,
  input: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<HttpAnswer> {
  // Inputs are objects, by the table's own test.
  const rest = { ...(input as Readonly<Record<string, unknown>>) };
  const take = (key: string): string => {
    const value = rest[key];
    delete rest[key];
    return typeof value === 'string' ? value.split('/').map(encodeURIComponent).join('/') : '';
  };
  const filled = path
    .replace(':provider/:environment/:application', () => take('credential'))
    .replaceAll(/:([a-zA-Z]+)/g, (_, key: string) => take(key));
  const said = Object.entries(rest).filter(([, value]) => value !== undefined);
  if (method === 'GET') {
    const query = Object.fromEntries(said.map(([key, value]) => [key, String(value)]));
    return client.request({ method, path: filled, query, headers, expect: statuses });
  }
  return client.request({ method, path: filled, body: Object.fromEntries(said), headers, expect: statuses });
}

function bodyOf({ status, body }: HttpAnswer): unknown {
  if (status < 300) return body;
  const { code, detail } = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  if (typeof code === 'string' && isErrorCode(code) && typeof detail === 'string')
    throw new KeybatonError(code, detail);
  throw new KeybatonError(
    'UNAVAILABLE',
    `the API answered ${status} with no word of its own: is a proxy in between, and the address right`,
  );
}
