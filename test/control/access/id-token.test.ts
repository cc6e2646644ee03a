import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAccessFile } from '../../../control/access/access-reader.ts';
import { signInWithIssuers } from '../../../control/access/sign-in-routes.ts';
import { sendProblem, toKeybatonError } from '../../../control/http-api/problem.ts';
import { openAccessWorld } from './access-world.ts';
import type { AccessWorld } from './access-world.ts';

const minute = 60_000;
let world: AccessWorld;
let issuer: FastifyInstance;
let app: FastifyInstance;
let url: string;
let privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

const yaml = (): string => `
url: https://keybaton.example
issuers: { company: { issuer: ${url}, clientId: keybaton } }
grants: [{ group: sre, role: oncall }]
`;

beforeAll(async () => {
  const pair = await generateKeyPair('ES256');
  ({ privateKey } = pair);
  const key = { ...(await exportJWK(pair.publicKey)), alg: 'ES256', kid: 'one' };
  issuer = fastify();
  issuer.get('/.well-known/openid-configuration', async () => ({ issuer: url, jwks_uri: `${url}/keys` }));
  issuer.get('/keys', async () => ({ keys: [key] }));
  url = await issuer.listen({ host: '127.0.0.1', port: 0 });
  world = await openAccessWorld(yaml());
  const file = await openAccessFile(world.path, () => undefined);
  if (file === undefined) throw new Error('there is no access file');
  app = fastify();
  app.setErrorHandler(async (error, _request, reply) => sendProblem(reply, toKeybatonError(error)));
  const { people, signed, clock } = world;
  const secret = () => Promise.reject(new Error('a public client has none'));
  await app.register(async (scope) => signInWithIssuers(scope, { file, people, signed, secret, now: () => clock.now }));
});
afterAll(async () => {
  await app.close();
  await issuer.close();
  await world.close();
});

interface Said {
  readonly madeAt?: number;
  readonly audience?: string;
  readonly subject?: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

const statusWith = async (claims: Said): Promise<number> => (await answerTo(claims)).statusCode;

async function answerTo(claims: Said) {
  const madeAt = Math.floor((claims.madeAt ?? world.clock.now) / 1_000);
  const idToken = await new SignJWT({ groups: ['sre'], ...claims.more })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setIssuer(url)
    .setAudience(claims.audience ?? 'keybaton')
    .setSubject(claims.subject ?? 'sub-ann')
    .setIssuedAt(madeAt)
    .setExpirationTime(madeAt + 86_400)
    .sign(privateKey);
  return app.inject({ method: 'POST', url: '/v1/sign-in', payload: { issuer: 'company', idToken } });
}

test('an id token signs in whoever has just got it, also where clocks differ a little', async () => {
  expect(await statusWith({})).toBe(200);
  expect(await statusWith({ madeAt: world.clock.now + 20_000 })).toBe(200);
});

const principalWith = async (claims: Said) => world.bearer((await answerTo(claims)).json<{ token: string }>().token);

test.each([
  ['the address, once its issuer has checked it', true, 'oidc:company:ann@example.com'],
  ['the subject, where it has not', false, 'oidc:company:sub-eve'],
  ['the subject, where it does not say', undefined, 'oidc:company:sub-eve'],
  ['the subject, where it says something else', 'true', 'oidc:company:sub-eve'],
])('an actor is %s', async (_what, verified, actor) => {
  const more = { email: 'ann@example.com', ...(verified === undefined ? {} : { email_verified: verified }) };
  const principal = await principalWith({ subject: 'sub-eve', more });
  // Whoever it is called, it is this subject of this issuer.
  expect([principal.actor, principal.person]).toEqual([actor, `${url} sub-eve`]);
});

test('an id token for another program is refused', async () => {
  expect(await statusWith({ audience: 'chess' })).toBe(403);
});

test('an old id token is refused, however long its issuer lets it live', async () => {
  expect(await statusWith({ madeAt: world.clock.now - 12 * minute })).toBe(403);
});

test('an id token from before every sign-in was ended makes no new one', async () => {
  const since = new Date(world.clock.now - minute).toISOString();
  await world.rewrite(`${yaml()}sessionsSince: ${since}\n`);
  expect(await statusWith({ madeAt: world.clock.now - 2 * minute })).toBe(403);
  expect(await statusWith({})).toBe(200);
});
