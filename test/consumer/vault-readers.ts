import { createSign, generateKeyPairSync } from 'node:crypto';
import { documentedPolicy, rawVault, tokenWith } from '../backends/vault-kv-subject.ts';
import type { OpenBaoServer } from '../support/openbao-server.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** A token of our own issuer. */
export function jwt(audience = 'vault'): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ sub: 'bot', aud: audience, iat: now, exp: now + 600 })}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url')}`;
}

/** keybaton's token, a consumer's token that only reads, and the role `bot` for that issuer, of an hour. */
export async function openVaultReaders({ url, rootToken }: OpenBaoServer) {
  const root = rawVault(url, rootToken);
  async function done(path: string, body: object): Promise<void> {
    const { status, body: said } = await root.request('POST', path, body);
    if (status >= 300) throw new Error(`${path} answered ${String(status)} ${JSON.stringify(said)}`);
  }
  const keybaton = await tokenWith(root, 'keybaton', documentedPolicy);
  const consumer = await tokenWith(root, 'bot', 'path "secret/data/ai/prod/*" { capabilities = ["read"] }');
  await done('sys/auth/jwt', { type: 'jwt' });
  await done('auth/jwt/config', { jwt_validation_pubkeys: [publicKey.export({ type: 'spki', format: 'pem' })] });
  const role = {
    role_type: 'jwt',
    bound_audiences: ['vault'],
    user_claim: 'sub',
    token_policies: ['bot'],
    token_ttl: '1h',
  };
  await done('auth/jwt/role/bot', role);
  return { done, keybaton, consumer };
}
