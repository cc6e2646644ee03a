import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, expect, vi } from 'vitest';
import { isKeybatonError, type KeybatonError } from '../../domain/errors.ts';
import { httpClient, type HttpRequest } from '../../outbound/http-client.ts';

export const canary = 'sk-canary-5f1e9c';
export const credentials = { authorization: `Bearer ${canary}` };
/** What the running test has started. */
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  // A listening TCP server always has an AddressInfo.
  return (server.address() as AddressInfo).port;
}

export async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(answer))}`;
}

export const answering = (status: number, body = '', headers: Record<string, string> = {}) =>
  serve((request, response) => request.resume().on('end', () => response.writeHead(status, headers).end(body)));

export async function errorOf(promise: Promise<unknown>): Promise<KeybatonError> {
  const thrown: unknown = await promise.then(
    (value) => expect.fail(`answered ${inspect(value)}`),
    (error: unknown) => error,
  );
  if (!isKeybatonError(thrown)) return expect.fail(`${inspect(thrown)} is no KeybatonError`);
  const everything = `${inspect(thrown, { depth: 20, showHidden: true })}${JSON.stringify(thrown)}${thrown.stack}`;
  expect(everything).not.toContain(canary);
  expect(thrown.cause).toBeUndefined();
  return thrown;
}

export const get = (baseUrl: string, more: Partial<HttpRequest> = {}) =>
  httpClient({ baseUrl }).request({ method: 'GET', path: '/keys', headers: credentials, ...more });
export const post = (baseUrl: string, more: Partial<HttpRequest> = {}) =>
  get(baseUrl, { method: 'POST', body: { secret: canary }, ...more });

/** No proxy but the one given, whatever the machine says. */
export function onlyProxy(proxy: Readonly<Record<string, string>> = {}): void {
  for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy']) {
    vi.stubEnv(name, '');
    vi.stubEnv(name.toUpperCase(), '');
  }
  for (const [name, value] of Object.entries(proxy)) vi.stubEnv(name, value);
}
