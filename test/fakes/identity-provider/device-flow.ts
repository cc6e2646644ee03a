import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface DeviceProvider {
  readonly issuer: string;
  /** Every question of a command line: where, and the form without the device code. */
  readonly asked: { readonly path: string; readonly clientId: string | null; readonly scope: string | null }[];
  /** The person confirms the code, from now on. Undefined: nobody has. */
  agreed: { readonly sub: string; readonly email: string; readonly groups: readonly string[] } | undefined;
  /** Answered instead, once set: `access_denied`, `expired_token`. */
  refused: string | undefined;
  /** Seconds for which a code is good. */
  lifetime: number;
  stop(): Promise<void>;
}

export const userCode = 'WDJB-MJHT';

/** An issuer that knows the device flow of RFC 8628 alone and lets people ask twenty times a second, so that tests need not wait. */
export async function startDeviceProvider(): Promise<DeviceProvider> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
  const deviceCode = 'a-code-of-this-device';
  const server = createServer((request, response) => {
    void answer(request).then(({ status = 200, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  // A server that listens on TCP has an address of this shape.
  const issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const provider: DeviceProvider = {
    issuer,
    asked: [],
    agreed: undefined,
    refused: undefined,
    lifetime: 60,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function answer(request: IncomingMessage): Promise<{ status?: number; body: object }> {
    const path = request.url ?? '';
    if (path === '/.well-known/openid-configuration')
      return {
        body: {
          issuer,
          jwks_uri: `${issuer}/keys`,
          token_endpoint: `${issuer}/token`,
          device_authorization_endpoint: `${issuer}/device`,
          id_token_signing_alg_values_supported: ['ES256'],
        },
      };
    if (path === '/keys') return { body: { keys: [jwk] } };
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString('utf8'));
    provider.asked.push({ path, clientId: form.get('client_id'), scope: form.get('scope') });
    if (path === '/device')
      return {
        body: {
          device_code: deviceCode,
          user_code: userCode,
          verification_uri: `${issuer}/confirm`,
          expires_in: provider.lifetime,
          interval: 0.05,
        },
      };
    if (path !== '/token' || form.get('device_code') !== deviceCode)
      return { status: 400, body: { error: 'invalid_grant' } };
    if (provider.refused !== undefined) return { status: 400, body: { error: provider.refused } };
    if (provider.agreed === undefined) return { status: 400, body: { error: 'authorization_pending' } };
    const { sub, ...claims } = provider.agreed;
    const idToken = await new SignJWT({ email_verified: true, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer(issuer)
      .setAudience(form.get('client_id') ?? '')
      .setSubject(sub)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
    return { body: { access_token: 'canary-of-the-access-token', token_type: 'Bearer', id_token: idToken } };
  }
  return provider;
}
