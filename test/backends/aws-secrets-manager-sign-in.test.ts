// How a worker without keys of its own signs in: https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html,
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html, read 2026-11.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { awsSecretsManagerBackend } from '../../backends/aws-secrets-manager.ts';
import { awsSecretsManagerSettings } from '../../backends/aws-secrets-manager/settings.ts';
import { shown } from '../../conformance/backend/bench.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { temporaryFolder, type TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { startFake } from '../fakes/start.ts';
import { type AwsFake, keybatonPolicy, type Keys, keysWith, placeAt, region } from './aws-secrets-manager-subject.ts';

const role = 'arn:aws:iam::123456789012:role/keybaton';
let fake: AwsFake;
let keys: Keys;
let sts: Server;
let folder: TemporaryFolder;
/** What was shown to STS. */
let tokens: (string | null)[];
/** What STS answers instead of keys. */
let refusal: { readonly status: number; readonly code: string } | undefined;
beforeAll(async () => {
  fake = await startFake('aws-secrets-manager');
  keys = await keysWith(fake, keybatonPolicy);
  sts = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.once('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
      tokens.push(form.get('RoleArn') === role ? form.get('WebIdentityToken') : 'another role');
      outgoing.writeHead(refusal?.status ?? 200, { 'content-type': 'text/xml' });
      outgoing.end(refusal === undefined ? session(keys) : refused(refusal.code, form.get('WebIdentityToken') ?? ''));
    });
  });
  sts.listen(0, '127.0.0.1');
  await once(sts, 'listening');
});
afterAll(async () => {
  sts.closeAllConnections();
  await new Promise((done) => sts.close(done));
  await fake.stop();
});
beforeEach(() => {
  tokens = [];
  refusal = undefined;
  folder = temporaryFolder('aws-sign-in');
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE'])
    vi.stubEnv(name, undefined);
  for (const name of ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_CONFIG_FILE', join(folder.path, 'none'));
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder.path, 'none'));
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder.remove();
});

const session = ({ id, secret }: Keys): string =>
  `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
  <Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${secret}</SecretAccessKey><SessionToken>canary-aws-session</SessionToken>
  <Expiration>${new Date(Date.now() + 1_000).toISOString()}</Expiration></Credentials>
  </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
const refused = (code: string, token: string): string =>
  `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code>
  <Message>no ${token}</Message></Error><RequestId>1</RequestId></ErrorResponse>`;

/** As the webhook of EKS sets it in a pod. */
function podOf(port: number, token: string): void {
  writeFileSync(join(folder.path, 'token'), token);
  vi.stubEnv('AWS_ROLE_ARN', role);
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', join(folder.path, 'token'));
  vi.stubEnv('AWS_ENDPOINT_URL_STS', `http://127.0.0.1:${String(port)}`);
  vi.stubEnv('AWS_REGION', region);
}
const stsPort = (): number => {
  const address = sts.address();
  return address === null || typeof address === 'string' ? 0 : address.port;
};
const workload = () =>
  awsSecretsManagerBackend(awsSecretsManagerSettings.parse({ region, endpoint: fake.url }), {
    name: 'aws',
    admin: () => Promise.reject(new Error('there is no admin secret')),
  });
const call = () => ({ signal: new AbortController().signal, deadline: Date.now() + 60_000, now: () => Date.now() });
const place = () => placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
function make() {
  const material = new SecretMaterial({ api_key: `canary-aws-${randomBytes(8).toString('hex')}` }, 'api_key');
  return { version: versionIdFrom(randomBytes(64)), ref: { id: 'key-1' }, material };
}

it('signs in as the role of its pod, whose token file is read anew', async () => {
  podOf(stsPort(), 'canary-pod-token-1');
  const backend = workload();
  const at = place();
  const made = make();
  await backend.stage(at, made, call());
  writeFileSync(join(folder.path, 'token'), 'canary-pod-token-2');
  expect((await backend.describe(at, call())).staged).toEqual([made.version]);
  expect(new Set(tokens)).toEqual(new Set(['canary-pod-token-1', 'canary-pod-token-2']));
});

it.each(['InvalidIdentityToken', 'ExpiredTokenException', 'AccessDenied', 'IDPRejectedClaim'])(
  'a sign-in that STS refuses with %s is ACCESS_DENIED, without the token',
  async (code) => {
    refusal = { status: code === 'AccessDenied' ? 403 : 400, code };
    podOf(stsPort(), 'canary-pod-token-3');
    const thrown: unknown = await workload()
      .stage(place(), make(), call())
      .catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'ACCESS_DENIED' });
    expect(shown(thrown)).not.toContain('canary');
  },
);

it('a sign-in that fails at STS, or finds nobody there, leaves no write in doubt', async () => {
  podOf(stsPort(), 'canary-pod-token-4');
  refusal = { status: 503, code: 'ServiceUnavailable' };
  await expect(workload().stage(place(), make(), call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  podOf(await freePort(), 'canary-pod-token-4');
  await expect(workload().stage(place(), make(), call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

it('where nobody gives an identity it says so, and what to do', async () => {
  const asked = workload().describe(place(), call());
  await expect(asked).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('give this worker a role'),
  });
});
