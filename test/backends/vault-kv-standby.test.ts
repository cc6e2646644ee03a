import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { BackendCall } from '../../backends/backend.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { needs } from '../support/needs.ts';
import { type OpenBaoServer, startOpenBaoServer } from '../support/openbao-server.ts';
import { backendWith, documentedPolicy, placeAt, type RawVault, rawVault } from './vault-kv-subject.ts';

/** Something between us and the active node: passes a call on, or answers it by itself. */
type Between = (path: string, response: ServerResponse) => 'pass' | 'answered';

const isThere = needs('openbao');
let server: OpenBaoServer;
let root: RawVault;
let login: { readonly secretId: string; readonly roleId: string };
const closing: (() => void)[] = [];

beforeAll(async () => {
  if (!isThere) return;
  server = await startOpenBaoServer();
  root = rawVault(server.url, server.rootToken);
  await root.request('PUT', 'sys/policies/acl/keybaton', { policy: documentedPolicy });
  await root.request('POST', 'sys/auth/approle', { type: 'approle' });
  await root.request('POST', 'auth/approle/role/keybaton', { token_policies: ['keybaton'], token_ttl: '1h' });
  const roleId: string = (await root.request('GET', 'auth/approle/role/keybaton/role-id')).body.data.role_id;
  const made = await root.request('POST', 'auth/approle/role/keybaton/secret-id', {});
  login = { roleId, secretId: made.body.data.secret_id };
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
});
afterAll(async () => {
  if (isThere) await server.stop();
});

const place = () => placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
const make = () => ({
  version: versionIdFrom(randomBytes(64)),
  ref: { id: 'key-1' },
  material: new SecretMaterial({ api_key: `canary-standby-${randomBytes(6).toString('hex')}` }, 'api_key'),
});
const call = (overrides: Partial<BackendCall> = {}): BackendCall => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 60_000,
  now: () => Date.now(),
  ...overrides,
});

async function nodeThat(between: Between): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const node = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(`${request.method ?? ''} ${path}`);
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (between(path, response) === 'answered') return;
      const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers;
      const body = parts.length === 0 ? {} : { body: Buffer.concat(parts).toString('utf8') };
      // The headers of a parsed request are texts for every name that is sent here.
      fetch(`${server.url}${path}`, {
        method: request.method ?? 'GET',
        headers: headers as Record<string, string>,
        ...body,
      })
        .then(async (answer) => {
          response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(await answer.text());
        })
        .catch(() => response.destroy());
    });
  });
  node.listen(0, '127.0.0.1');
  await once(node, 'listening');
  closing.push(() => {
    node.closeAllConnections();
    node.close();
  });
  const address = node.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${String(address.port)}`, asked };
}

const redirecting =
  (to: (path: string) => string): Between =>
  (path, response) => {
    response.writeHead(307, { Location: to(path) }).end();
    return 'answered';
  };

it('a standby that redirects is followed to a node that the settings name, for reads and writes', async () => {
  const standby = await nodeThat(redirecting((path) => `${server.url}${path}`));
  const backend = backendWith(standby.url, login.secretId, {
    nodes: [server.url],
    auth: { method: 'approle', roleId: login.roleId },
  });
  const [here, one] = [place(), make()];
  await backend.probe(here, call());
  await backend.stage(here, one, call());
  await backend.promote(here, { version: one.version, epoch: 1, expected: undefined }, call());
  expect((await backend.describe(here, call())).main).toEqual({ kind: 'ours', version: one.version, epoch: 1 });
  expect(standby.asked.length).toBeGreaterThan(5);
});

it('two standbys that send each other round and round end as UNAVAILABLE', async () => {
  const urls: string[] = [];
  const first = await nodeThat(redirecting((path) => `${urls[1] ?? ''}${path}`));
  const second = await nodeThat(redirecting((path) => `${urls[0] ?? ''}${path}`));
  urls.push(first.url, second.url);
  const backend = backendWith(first.url, 'canary-token', { nodes: [second.url] });
  await expect(backend.stage(place(), make(), call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  // One call of the token about itself and one for the path: each goes there, back and there again.
  expect([first.asked.length, second.asked.length]).toEqual([4, 2]);
});

it('a redirect to another path of a named node is not followed', async () => {
  const standby = await nodeThat(redirecting(() => `${server.url}/v1/sys/seal`));
  const backend = backendWith(standby.url, server.rootToken, { nodes: [server.url] });
  await expect(backend.stage(place(), make(), call())).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('list the cluster') as string,
  });
});

it('while logins and renewals fail the token in hand is used to its end, without asking at every call', async () => {
  let down: number | undefined;
  const node = await nodeThat((path, response) => {
    if (down === undefined || !path.startsWith('/v1/auth/')) return 'pass';
    response.writeHead(down, { 'Content-Type': 'application/json' }).end('{"errors":["canary: trouble"]}');
    return 'answered';
  });
  let ahead = 0;
  const later = () => call({ now: () => Date.now() + ahead, deadline: Date.now() + ahead + 60_000 });
  const backend = backendWith(node.url, login.secretId, { auth: { method: 'approle', roleId: login.roleId } });
  const here = place();
  await backend.probe(here, later());
  const logins = () => node.asked.filter((asked) => asked.includes('/auth/')).length;
  const before = logins();

  ahead = 31 * 60_000;
  for (const status of [503, 429, 500]) {
    down = status;
    for (let n = 0; n < 3; n += 1) await backend.describe(here, later());
    ahead += 12 * 60_000;
  }
  // Asked at half of the life, then at half of what was left, and so on; never three times for three calls.
  expect(logins() - before).toBeLessThanOrEqual(4);
  ahead = 61 * 60_000;
  await expect(backend.describe(here, later())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  down = undefined;
  await backend.describe(here, later());
});
