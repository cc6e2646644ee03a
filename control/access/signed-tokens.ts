import { createPrivateKey, createPublicKey, randomUUID } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { because, refusalOfJwt } from './refusal.ts';

/**
 * Who signed in, as a short signed token says it. It holds no grant: what somebody may do is looked up at each request, so
 * that a role that is taken away is gone at once.
 */
const identity = z.discriminatedUnion('by', [
  z.object({
    by: z.literal('oidc'),
    issuer: z.string(),
    subject: z.string(),
    name: z.string(),
    groups: z.array(z.string()),
  }),
  z.object({ by: z.literal('token'), id: z.string() }),
  z.object({ by: z.literal('break-glass'), name: z.string(), review: z.string() }),
]);
export type Identity = z.output<typeof identity>;

export interface SignedIdentity {
  /** Of this one sign-in. */
  readonly id: string;
  readonly identity: Identity;
  readonly signedAt: number;
  readonly expiresAt: number;
}

export interface SignedTokens {
  sign(who: Identity, now: number, expiresAt: number): Promise<string>;
  /** Offline: needs neither ledger nor identity provider. ACCESS_DENIED for anything that we did not sign for this. */
  verify(token: string, now: number): Promise<SignedIdentity>;
  /** A short note of ours that somebody's browser keeps for us. It must hold nothing secret to its owner. */
  signNote(use: string, note: Readonly<Record<string, unknown>>, now: number, expiresAt: number): Promise<string>;
  verifyNote(use: string, token: string, now: number): Promise<unknown>;
}

/** What of the installation key is needed here. */
export interface KeySource {
  readonly id: string;
  derive(purpose: string): Uint8Array;
}

const issuer = 'keybaton';
const algorithm = 'EdDSA';
/** DER of an Ed25519 private key, up to its 32 bytes (RFC 8410, section 7). */
const privateKeyHead = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The signing key is derived from the installation key: every process of an installation checks what another one signed. */
export function openSignedTokens(key: KeySource): SignedTokens {
  const seed = key.derive('access-tokens');
  const privateKey = createPrivateKey({ key: Buffer.concat([privateKeyHead, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);

  async function make(use: string, claims: Record<string, unknown>, now: number, expiresAt: number): Promise<string> {
    return new SignJWT(claims)
      .setJti(randomUUID())
      .setProtectedHeader({ alg: algorithm, kid: key.id, typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience(`keybaton/${use}`)
      .setIssuedAt(Math.floor(now / 1_000))
      .setExpirationTime(Math.floor(expiresAt / 1_000))
      .sign(privateKey);
  }

  async function open(use: string, token: string, now: number) {
    try {
      const { payload } = await jwtVerify(token, publicKey, {
        algorithms: [algorithm],
        issuer,
        audience: `keybaton/${use}`,
        currentDate: new Date(now),
        requiredClaims: ['exp', 'iat'],
      });
      return payload;
    } catch (cause) {
      const text = 'this sign-in is not valid, or has run out: sign in again';
      throw because(refusalOfJwt(cause), new KeybatonError('ACCESS_DENIED', text, { cause }));
    }
  }

  return {
    sign: (who, now, expiresAt) => make('session', { who }, now, expiresAt),
    async verify(token, now) {
      const { who, jti = '', iat = 0, exp = 0 } = await open('session', token, now);
      const read = identity.safeParse(who);
      if (!read.success || jti === '')
        throw new KeybatonError('ACCESS_DENIED', 'this sign-in is of another build: sign in again');
      return { id: jti, identity: read.data, signedAt: iat * 1_000, expiresAt: exp * 1_000 };
    },
    signNote: (use, note, now, expiresAt) => make(`note/${use}`, { note }, now, expiresAt),
    verifyNote: async (use, token, now) => (await open(`note/${use}`, token, now))['note'],
  };
}

/** Three parts of base64url: what a JWT looks like, and no token of ours that is kept as a hash. */
export const looksSigned = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
