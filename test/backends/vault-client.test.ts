import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { codeOf } from '../../domain/errors.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { shown } from '../../conformance/backend/bench.ts';
import { temporaryFolder, type TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { certificate, privateKey } from '../outbound/self-signed.ts';
import { backendWith, placeAt } from './vault-kv-subject.ts';

const place = placeAt('ai/prod/providers/openai/keys/support-bot');
const token = 'canary-admin-token';
const envelope = () => ({
  version: versionIdFrom(randomBytes(64)),
  ref: { id: 'key-1' },
  material: new SecretMaterial({ api_key: 'canary-api-key' }, 'api_key'),
});
const call = () => ({ signal: new AbortController().signal, deadline: Date.now() + 60_000, now: () => Date.now() });

describe('the way to Vault', () => {
  const closing: (() => void)[] = [];
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = temporaryFolder('vault-client');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    for (const close of closing.splice(0)) close();
    folder.remove();
  });

  async function serve(answer: RequestListener, secure = false) {
    const seen: { request: IncomingMessage; url: string }[] = [];
    const listener: RequestListener = (request, response) => {
      seen.push({ request, url: request.url ?? '' });
      answer(request, response);
    };
    const server = secure
      ? createSecureServer({ key: privateKey, cert: certificate }, listener)
      : createServer(listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const url = secure ? `https://localhost:${String(address.port)}` : `http://127.0.0.1:${String(address.port)}`;
    return { url, seen };
  }

  const saying =
    (status: number, body: object | undefined, headers: Record<string, string> = {}): RequestListener =>
    (_request, response) => {
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
      response.end(body && JSON.stringify(body));
    };

  async function codesOf(url: string, more: object = {}) {
    const backend = backendWith(url, token, more);
    const attempts = [backend.stage(place, envelope(), call()), backend.describe(place, call())];
    const thrown = (await Promise.allSettled(attempts)).map((one) =>
      one.status === 'rejected' ? (one.reason as unknown) : one,
    );
    for (const reason of thrown) expect(shown(reason).includes('canary')).toBe(false);
    return { codes: thrown.map(codeOf), messages: thrown.map(String), thrown };
  }

  it('a redirect to another host is not followed: the token goes nowhere else', async () => {
    const elsewhere = await serve(saying(200, {}));
    const standby = await serve(saying(307, undefined, { Location: `${elsewhere.url}/v1/secret/data/x` }));
    const { codes, messages } = await codesOf(standby.url);
    expect(codes).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    expect(messages[0]).toContain('set address to the active node');
    expect(elsewhere.seen).toEqual([]);
    expect(standby.seen.length).toBeGreaterThan(0);
  });

  it('429 is RATE_LIMITED with the time to wait', async () => {
    const busy = await serve(saying(429, { errors: ['request path quota exceeded'] }, { 'Retry-After': '7' }));
    const { codes, thrown } = await codesOf(busy.url);
    expect(codes).toEqual(['RATE_LIMITED', 'RATE_LIMITED']);
    expect(thrown[0]).toMatchObject({ retryAfter: 7_000 });
  });

  it.each([500, 502, 504])('%i may have happened for a write and has no effect for a read', async (status) => {
    const failing = await serve(saying(status, { errors: ['canary: internal error'] }));
    expect((await codesOf(failing.url)).codes).toEqual(['AMBIGUOUS', 'UNAVAILABLE']);
  });

  it("503 of something in between leaves a write in doubt, Vault's own does not", async () => {
    const balancer = await serve(saying(503, { message: 'no healthy upstream' }));
    expect((await codesOf(balancer.url)).codes).toEqual(['AMBIGUOUS', 'UNAVAILABLE']);
    const sealed = await serve(saying(503, { errors: ['Vault is sealed'] }));
    expect((await codesOf(sealed.url)).codes).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
  });

  it('404 with a text is a missing engine, never an absent secret', async () => {
    const wrong = await serve(
      saying(404, { errors: ['no handler for route "secret/data/x". route entry not found.'] }),
    );
    expect((await codesOf(wrong.url)).codes).toEqual(['INVALID_CONFIG', 'INVALID_CONFIG']);
  });

  it('a page that is no answer of Vault is never read as absence', async () => {
    const page = await serve((_request, response) =>
      response.writeHead(404, { 'Content-Type': 'text/html' }).end('<h1>gone</h1>'),
    );
    const backend = backendWith(page.url, token);
    await expect(backend.read(place, 'current', call())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it('a server that never answers ends with the time-out', async () => {
    const silent = await serve((request, response) => {
      if (request.url?.startsWith('/v1/auth/')) response.writeHead(403).end('{"errors":[]}');
    });
    expect((await codesOf(silent.url, { timeout: 200 })).codes).toEqual(['AMBIGUOUS', 'UNAVAILABLE']);
  });

  it('an unknown certificate is refused, whatever VAULT_SKIP_VERIFY and NODE_TLS_REJECT_UNAUTHORIZED say', async () => {
    vi.stubEnv('VAULT_SKIP_VERIFY', '1');
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const server = await serve(saying(404, { errors: [] }), true);
    expect((await codesOf(server.url)).codes).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    expect(server.seen).toEqual([]);
  });

  it('the authority in caFile is trusted', async () => {
    const server = await serve(saying(404, { errors: [] }), true);
    const caFile = join(folder.path, 'ca.pem');
    writeFileSync(caFile, certificate);
    const described = await backendWith(server.url, token, { caFile }).describe(place, call());
    expect(described).toEqual({ main: { kind: 'empty' }, staged: [] });
    expect(() => backendWith(server.url, token, { caFile: `${caFile}.missing` })).toThrow(/caFile .* cannot be read/);
  });

  it('takes nothing from the environment, and sends namespace and token as headers alone', async () => {
    vi.stubEnv('VAULT_ADDR', 'http://127.0.0.1:1');
    vi.stubEnv('VAULT_TOKEN', 'token-of-the-environment');
    vi.stubEnv('VAULT_NAMESPACE', 'namespace-of-the-environment');
    vi.stubEnv('VAULT_PREFIX', '/prefix-of-the-environment');
    const server = await serve(saying(404, { errors: [] }));
    await backendWith(server.url, token, { namespace: 'team-a' }).describe(place, call());
    await backendWith(server.url, token).describe(place, call());
    const [first] = server.seen;
    const last = server.seen.at(-1);
    expect(first?.request.headers['x-vault-namespace']).toBe('team-a');
    expect(last?.request.headers['x-vault-namespace']).toBeUndefined();
    for (const { request, url } of server.seen) {
      expect(request.headers['x-vault-token']).toBe(token);
      expect(url).toMatch(/^\/v1\/(secret|auth)\//);
      expect(url).not.toContain('canary');
    }
  });

  it('a path with odd characters stays one path', async () => {
    const server = await serve(saying(404, { errors: [] }));
    await backendWith(server.url, token).describe(placeAt('ai/prod/ä b?version=1#x'), call());
    const urls = server.seen.map(({ url }) => url).filter((url) => url.startsWith('/v1/secret/data/'));
    expect(urls).toEqual(['/v1/secret/data/ai/prod/%C3%A4%20b%3Fversion%3D1%23x']);
  });

  it('plain http to another machine is refused', () => {
    expect(() => backendWith('http://vault.example.com:8200', token)).toThrow(/must begin with https/);
  });

  it('settings with a secret or a wrong path in them are refused', () => {
    expect(() => backendWith('http://127.0.0.1:8200', token, { mount: '/secret/' })).toThrow();
    expect(() => backendWith('http://127.0.0.1:8200', token, { token: 'x' })).toThrow();
  });
});
