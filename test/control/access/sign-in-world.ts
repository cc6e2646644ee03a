import { createServer } from 'node:net';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { openAccessFile } from '../../../control/access/access-reader.ts';
import { signInWithIssuers } from '../../../control/access/sign-in-routes.ts';
import { sendProblem, toKeybatonError } from '../../../control/http-api/problem.ts';
import { SecretMaterial } from '../../../domain/secret-material.ts';
import { startIdentityProvider } from '../../fakes/identity-provider/start.ts';
import { openAccessWorld } from './access-world.ts';

/** The routes of signing in on a port of their own, and a real identity provider that sends people back to it. */
export async function openSignInWorld() {
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const people = {
    'sub-ann': { email: 'ann@example.com', email_verified: true, groups: ['sre'] },
    'sub-eve': { email: 'ann@example.com', email_verified: false, groups: ['chess'] },
  };
  const provider = await startIdentityProvider(people, `${url}/sign-in/back`);
  const world = await openAccessWorld(`
url: ${url}
issuers:
  company: { issuer: ${provider.issuer}, clientId: keybaton, clientSecret: env:SECRET }
  device: { issuer: ${provider.issuer}, clientId: keybaton-cli }
grants:
  - { group: sre, issuer: company, role: oncall }
  - { group: sre, issuer: device, role: oncall }
`);
  const file = await openAccessFile(world.path, () => undefined);
  if (file === undefined) throw new Error('there is no access file');
  const app = fastify();
  app.setErrorHandler(async (error, _request, reply) => sendProblem(reply, toKeybatonError(error)));
  const secret = async () => new SecretMaterial({ key: 'canary-of-the-client-secret' }, 'key');
  const { people: guard, signed } = world;
  const signIn = (scope: FastifyInstance) =>
    signInWithIssuers(scope, { file, people: guard, signed, secret, now: () => Date.now() });
  await app.register(async (scope) => signIn(scope));
  app.get('/here', async () => 'here');
  await app.listen({ host: '127.0.0.1', port });
  return {
    url,
    provider,
    /** For an API that is to have the same people and the same ways in. */
    guard,
    signIn,
    bearer: world.bearer,
    noted: world.noted,
    async close() {
      await app.close();
      await provider.stop();
      await world.close();
    },
  };
}

export type SignInWorld = Awaited<ReturnType<typeof openSignInWorld>>;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
