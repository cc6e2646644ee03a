import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openAccessFile } from '../../../control/access/access-reader.ts';
import { matches, openWorkloads } from '../../../control/access/workloads.ts';
import type { Workloads } from '../../../control/access/workloads.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import { openAccessWorld } from './access-world.ts';
import type { AccessWorld } from './access-world.ts';

const bot = parseCredentialId('openai/prod/bot');
const other = parseCredentialId('openai/prod/other');
const issuer = 'https://kubernetes.default.svc';

interface Pair {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}
async function newKey(kid: string): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } };
}

let world: AccessWorld;
let server: Server;
let workloads: Workloads;
let published: JWK[];
let asked: number;
let down: boolean;
let key: Pair;

beforeEach(async () => {
  key = await newKey('one');
  [published, asked, down] = [[key.jwk], 0, false];
  server = createServer((_request, response) => {
    asked += 1;
    response
      .writeHead(down ? 503 : 200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ keys: published }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  world = await openAccessWorld(`
workloads:
  cluster:
    issuer: ${issuer}
    audience: keybaton
    jwks: http://127.0.0.1:${String(port)}/openid/v1/jwks
    longest: 1h
    rules:
      - { subject: 'system:serviceaccount:search:bot', credential: ${bot}, consumer: web }
      - { subject: 'repo:acme/bot:*', claims: { environment: prod }, credential: ${bot}, consumer: batch }
`);
  const file = await openAccessFile(world.path, () => undefined);
  if (file === undefined) throw new Error('there is no access file');
  workloads = openWorkloads(file, () => world.clock.now);
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  await world.close();
});

interface Made {
  readonly by?: Pair;
  readonly kid?: string;
  readonly issuer?: string;
  readonly audience?: string;
  readonly subject?: string;
  readonly lasts?: number;
  readonly claims?: Record<string, unknown>;
}
async function token({ by = key, kid, subject, lasts = 600, claims = {}, ...made }: Made = {}): Promise<string> {
  const iat = Math.floor(world.clock.now / 1_000);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid: kid ?? String(by.jwk.kid) })
    .setIssuer(made.issuer ?? issuer)
    .setAudience(made.audience ?? 'keybaton')
    .setSubject(subject ?? 'system:serviceaccount:search:bot')
    .setIssuedAt(iat)
    .setExpirationTime(iat + lasts)
    .sign(by.privateKey);
}
const verify = async (made: string | Promise<string>, credential = bot) =>
  workloads.verify(await made, credential, world.clock.now);

describe('a workload', () => {
  test('is the consumer that a rule names, until its token ends', async () => {
    const made = await token();
    expect(await verify(made)).toMatchObject({
      id: 'workload:cluster:system:serviceaccount:search:bot',
      credential: bot,
      consumer: 'web',
      madeBy: issuer,
    });
    await expect(verify(made, other)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    world.clock.now += 700_000;
    await expect(verify(made)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });

  test('may have to show further claims', async () => {
    const subject = 'repo:acme/bot:environment';
    expect(await verify(token({ subject, claims: { environment: 'prod' } }))).toMatchObject({ consumer: 'batch' });
    await expect(verify(token({ subject, claims: { environment: 'test' } }))).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
    });
    await expect(verify(token({ subject }))).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });

  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  test.each<[string, () => Promise<string>]>([
    ['for another audience', () => token({ audience: 'vault' })],
    ['of another issuer', () => token({ issuer: 'https://elsewhere.example' })],
    ['of another workload', () => token({ subject: 'system:serviceaccount:search:other' })],
    ['that lasts longer than is taken', () => token({ lasts: 7_200 })],
    ['signed by a key of nobody under a known name', async () => token({ by: await newKey('one') })],
    ['that names a key nobody has', async () => token({ by: await newKey('two') })],
    ['without a signature', async () => `${part({ alg: 'none', kid: 'one' })}.${(await token()).split('.')[1] ?? ''}.`],
    [
      'signed with the public key as if it were a secret',
      async () => {
        const claims = (await token()).split('.')[1] ?? '';
        const secret = new TextEncoder().encode(JSON.stringify(key.jwk));
        const read = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
        return new SignJWT(read).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(secret);
      },
    ],
    [
      'whose subject was changed',
      async () => {
        const [head = '', claims = '', mark = ''] = (await token({ subject: 'system:serviceaccount:x:y' })).split('.');
        const read = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
        return `${head}.${part({ ...read, sub: 'system:serviceaccount:search:bot' })}.${mark}`;
      },
    ],
    ['that is none', async () => 'a.b.c'],
  ])('is refused with a token %s', async (_what, forge) => {
    await expect(verify(forge())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });

  test('is known while its issuer is away, for a day', async () => {
    await verify(token());
    down = true;
    world.clock.now += 23 * 3_600_000;
    expect(await verify(token())).toMatchObject({ consumer: 'web' });
    world.clock.now += 2 * 3_600_000;
    await expect(verify(token())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('may use a new key at once, and nobody makes us ask again and again', async () => {
    await verify(token());
    const next = await newKey('two');
    published = [key.jwk, next.jwk];
    world.clock.now += 31_000;
    expect(await verify(token({ by: next }))).toMatchObject({ consumer: 'web' });
    expect(asked).toBe(2);
    for (let tries = 0; tries < 5; tries += 1)
      await expect(verify(token({ kid: `made-up-${String(tries)}` }))).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(asked).toBe(2);
  });
});

describe('the subject of a rule', () => {
  test.each([
    ['repo:acme/*:ref:refs/heads/main', 'repo:acme/bot:ref:refs/heads/main', true],
    ['repo:acme/*', 'repo:acme/bot:ref:refs/heads/main', false],
    ['repo:acme/*:*', 'repo:acme/bot:pull_request', true],
    ['repo:acme/*:ref:refs/heads/main', 'repo:acme/x:y:ref:refs/heads/main', false],
    ['a.c', 'abc', false],
    ['system:serviceaccount:search:bot', 'system:serviceaccount:search:bot2', false],
  ])('%s against %s: %s', (pattern, subject, expected) => {
    expect(matches(pattern, subject)).toBe(expected);
  });
});
