import { createSign, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { temporaryFolder, type TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { certificate, privateKey as privateKeyOfCluster } from '../outbound/self-signed.ts';
import { needs } from '../support/needs.ts';
import { type OpenBaoServer, startOpenBaoServer } from '../support/openbao-server.ts';
import { backendWith, documentedPolicy, placeAt, type RawVault, rawVault } from './vault-kv-subject.ts';

const isThere = needs('openbao');
const place = placeAt('ai/prod/providers/openai/keys/support-bot');
const call = () => ({ signal: new AbortController().signal, deadline: Date.now() + 60_000, now: () => Date.now() });
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

let server: OpenBaoServer;
let root: RawVault;
let folder: TemporaryFolder;
let cluster: ReturnType<typeof createServer>;
/** Tokens that the cluster calls good. */
const goodTokens = new Set<string>();

beforeAll(async () => {
  if (!isThere) return;
  folder = temporaryFolder('vault-login');
  server = await startOpenBaoServer();
  root = rawVault(server.url, server.rootToken);
  await root.request('PUT', 'sys/policies/acl/keybaton', { policy: documentedPolicy });
  cluster = await tokenReviews();
  await expectDone('sys/auth/jwt', { type: 'jwt' });
  await expectDone('auth/jwt/config', {
    jwt_validation_pubkeys: [publicKey.export({ type: 'spki', format: 'pem' })],
    bound_issuer: 'https://issuer.example.com',
  });
  await expectDone('auth/jwt/role/keybaton', {
    role_type: 'jwt',
    bound_audiences: ['vault'],
    user_claim: 'sub',
    token_policies: ['keybaton'],
  });
});
afterAll(async () => {
  if (!isThere) return;
  cluster.closeAllConnections();
  cluster.close();
  await server.stop();
  folder.remove();
});

async function expectDone(path: string, body: object, of: RawVault = root): Promise<void> {
  const { status, body: said } = await of.request('POST', path, body);
  if (status >= 300) throw new Error(`${path} answered ${String(status)} ${JSON.stringify(said)}`);
}

/** TokenReview of the Kubernetes API (https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/). */
async function tokenReviews(): Promise<ReturnType<typeof createServer>> {
  const reviewing = createServer({ key: privateKeyOfCluster, cert: certificate }, (request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.on('end', () => {
      // What is sent is a TokenReview; another shape fails the login.
      const { spec } = JSON.parse(text) as { spec: { token: string } };
      const username = 'system:serviceaccount:keybaton:worker';
      const user = { username, uid: 'uid-1', groups: ['system:serviceaccounts', 'system:serviceaccounts:keybaton'] };
      const good = goodTokens.has(spec.token);
      const status = good ? { authenticated: true, user, audiences: ['vault'] } : { authenticated: false };
      response.writeHead(201, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec, status }));
    });
  });
  reviewing.listen(0, '127.0.0.1');
  await once(reviewing, 'listening');
  return reviewing;
}

function signed(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: now, nbf: now - 5, exp: now + 600, ...claims })}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url')}`;
}
const jwt = (more: object = {}) =>
  signed({ iss: 'https://issuer.example.com', sub: 'keybaton', aud: 'vault', ...more });

const made = (n: number) => ({
  version: versionIdFrom(new Uint8Array(64).fill(n)),
  ref: { id: `key-${String(n)}` },
  material: new SecretMaterial({ api_key: `canary-login-${String(n)}` }, 'api_key'),
});

describe('signing in by JWT', () => {
  it('the admin secret is the token', async () => {
    const backend = backendWith(server.url, jwt(), { auth: { method: 'jwt', role: 'keybaton' } });
    await backend.stage(place, made(1), call());
    expect((await backend.describe(place, call())).staged).toEqual([made(1).version]);
  });

  it('a token file is read anew at every login, and needs no admin secret', async () => {
    const tokenFile = join(folder.path, 'token');
    const auth = { method: 'jwt', role: 'keybaton', tokenFile };
    const backend = backendWith(server.url, 'not-used', { auth });
    await expect(backend.probe(place, call())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    writeFileSync(tokenFile, `${jwt()}\n`);
    await backend.probe(place, call());
    rmSync(tokenFile);
    // Within the life of what it gave, the file is not needed.
    await backend.probe(place, call());
  });

  it('a token for somebody else is ACCESS_DENIED, says what to check, and is not shown', async () => {
    const wrong = jwt({ aud: 'another' });
    const backend = backendWith(server.url, wrong, { auth: { method: 'jwt', role: 'keybaton' } });
    const thrown: unknown = await backend.probe(place, call()).catch((reason: unknown) => reason);
    expect(thrown).toMatchObject({ code: 'ACCESS_DENIED', message: expect.stringContaining('audience') as string });
    expect(String(thrown)).not.toContain(wrong);
  });
});

describe('signing in by the service account of our pod', () => {
  const token = () =>
    signed({
      iss: 'https://kubernetes.default.svc.cluster.local',
      sub: 'system:serviceaccount:keybaton:worker',
      aud: ['vault'],
      'kubernetes.io': { namespace: 'keybaton', serviceaccount: { name: 'worker', uid: 'uid-1' } },
    });
  const file = (name: string, text: string) => {
    const path = join(folder.path, name);
    writeFileSync(path, text, { mode: 0o644 });
    return path;
  };

  beforeAll(async () => {
    if (!isThere) return;
    const address = cluster.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    await expectDone('sys/auth/clusters%2Feast', { type: 'kubernetes' });
    await expectDone('auth/clusters/east/config', {
      kubernetes_host: `https://localhost:${String(address.port)}`,
      kubernetes_ca_cert: certificate,
      token_reviewer_jwt: token(),
      disable_local_ca_jwt: true,
    });
    await expectDone('auth/clusters/east/role/keybaton', {
      bound_service_account_names: ['worker'],
      bound_service_account_namespaces: ['keybaton'],
      token_policies: ['keybaton'],
    });
  });

  it('works with a mount of another name', async () => {
    const good = token();
    goodTokens.add(good);
    const auth = {
      method: 'kubernetes',
      role: 'keybaton',
      mount: 'clusters/east',
      tokenFile: file('pod-token', good),
    };
    const backend = backendWith(server.url, 'not-used', { auth });
    await backend.probe(place, call());
    expect((await backend.describe(placeAt('ai/prod/other'), call())).main).toEqual({ kind: 'empty' });
  });

  it('a token that the cluster does not know is ACCESS_DENIED', async () => {
    const auth = {
      method: 'kubernetes',
      role: 'keybaton',
      mount: 'clusters/east',
      tokenFile: file('old-token', signed({ sub: 'system:serviceaccount:keybaton:worker' })),
    };
    const backend = backendWith(server.url, 'not-used', { auth });
    await expect(backend.probe(place, call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });
});

it('a namespace has engines, policies and logins of its own', async () => {
  await expectDone('sys/namespaces/team-a', {});
  const inside = rawVault(server.url, server.rootToken, 'team-a');
  await expectDone('sys/mounts/apps%2Fkv', { type: 'kv', options: { version: '2' } }, inside);
  await expectDone('apps/kv/config', { cas_required: true }, inside);
  await expectDone(
    'sys/policies/acl/keybaton',
    { policy: documentedPolicy.replaceAll('"secret/', '"apps/kv/') },
    inside,
  );
  await expectDone('sys/auth/approle', { type: 'approle' }, inside);
  await expectDone('auth/approle/role/keybaton', { token_policies: ['keybaton'] }, inside);
  const roleId = (await inside.request('GET', 'auth/approle/role/keybaton/role-id')).body.data.role_id;
  const secretId = (await inside.request('POST', 'auth/approle/role/keybaton/secret-id', {})).body.data.secret_id;
  const settings = { mount: 'apps/kv', auth: { method: 'approle', roleId } };
  const backend = backendWith(server.url, secretId, { ...settings, namespace: 'team-a' });
  await backend.probe(place, call());
  await backend.stage(place, made(2), call());
  await backend.promote(place, { version: made(2).version, epoch: 1, expected: undefined }, call());
  expect((await inside.request('GET', `apps/kv/data/${place.path}`)).body.data.data).toMatchObject({
    keybaton_version: made(2).version,
  });
  // The same login outside of it is refused: nothing of the namespace is found in the root one.
  await expect(backendWith(server.url, secretId, settings).probe(place, call())).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
  });
  await expect(
    backendWith(server.url, server.rootToken, { namespace: 'team-b' }).describe(place, call()),
  ).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
});

it("a rate limit quota of the server's own is RATE_LIMITED with the time to wait, and nothing was written", async () => {
  await expectDone('sys/mounts/slow', { type: 'kv', options: { version: '2' } });
  await expectDone('sys/quotas/config', { enable_rate_limit_response_headers: true });
  await expectDone('sys/quotas/rate-limit/slow', { path: 'slow/', rate: 1, interval: '1h' });
  const backend = backendWith(server.url, server.rootToken, { mount: 'slow' });
  // The first request may have the one that is allowed.
  await backend.describe(place, call()).catch(() => undefined);
  const thrown: unknown = await backend.stage(place, made(3), call()).catch((reason: unknown) => reason);
  expect(thrown).toMatchObject({ code: 'RATE_LIMITED' });
  expect(Number((thrown as { retryAfter?: number }).retryAfter)).toBeGreaterThan(0);
  await root.request('DELETE', 'sys/quotas/rate-limit/slow');
  expect((await backend.describe(place, call())).staged).toEqual([]);
});
