/** Signing in through an OpenID Connect issuer: code flow with PKCE for browsers, device flow for command lines. */
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  ClientSecretPost,
  discovery,
  initiateDeviceAuthorization,
  None,
  pollDeviceAuthorizationGrant,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  ResponseBodyError,
} from 'openid-client';
import type { Configuration } from 'openid-client';
import { KeybatonError } from '../domain/errors.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';

export interface OpenIdOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined for a public client. Read at the moment of use. */
  readonly clientSecret: (() => Promise<SecretMaterial>) | undefined;
  readonly scopes: readonly string[];
}

/** What the browser keeps between leaving and coming back; worth nothing to anybody else. */
export interface Leaving {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

export interface OpenId {
  /** UNAVAILABLE while the issuer does not answer. */
  leave(back: string): Promise<{ readonly to: string; readonly leaving: Leaving }>;
  /** `came` is the whole address that the browser came back to. ACCESS_DENIED for an answer that is not to our question. */
  comeBack(came: string, leaving: Leaving): Promise<Claims>;
}

/** Seconds for each question to the issuer. */
const timeout = 8;

async function configure({ issuer, clientId, clientSecret }: OpenIdOptions): Promise<Configuration> {
  const url = new URL(issuer);
  const secret = clientSecret === undefined ? undefined : (await clientSecret()).revealValue();
  // Plain HTTP only to this machine: the access file takes no other.
  const execute = url.protocol === 'http:' ? [allowInsecureRequests] : [];
  try {
    return await discovery(url, clientId, secret, secret === undefined ? None() : ClientSecretPost(secret), {
      execute,
      timeout,
    });
  } catch {
    throw new KeybatonError('UNAVAILABLE', `the issuer ${issuer} does not answer: a token of your own works meanwhile`);
  }
}

export function openId(options: OpenIdOptions): OpenId {
  let configured: Promise<Configuration> | undefined;
  const configuration = (): Promise<Configuration> => {
    configured ??= configure(options).catch((thrown: unknown) => {
      configured = undefined;
      throw thrown;
    });
    return configured;
  };
  return {
    async leave(back) {
      const leaving = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
      const to = buildAuthorizationUrl(await configuration(), {
        redirect_uri: back,
        scope: options.scopes.join(' '),
        code_challenge: await calculatePKCECodeChallenge(leaving.verifier),
        code_challenge_method: 'S256',
        state: leaving.state,
        nonce: leaving.nonce,
      });
      return { to: to.href, leaving };
    },
    async comeBack(came, { state, nonce, verifier }) {
      const config = await configuration();
      try {
        const answer = await authorizationCodeGrant(config, new URL(came), {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        });
        const claims = answer.claims();
        if (claims !== undefined) return claims;
      } catch {
        // What the library says may hold what the issuer sent.
      }
      throw new KeybatonError('ACCESS_DENIED', 'the issuer did not confirm this sign-in: begin again');
    },
  };
}

export interface DeviceSignIn {
  readonly code: string;
  readonly address: string;
  /** Waits until the person has agreed in a browser, anywhere. Answers the id token; it is shown to keybaton alone. */
  wait(signal: AbortSignal): Promise<string>;
}

/** For a command line: the person types a code in whatever browser they have. UNSUPPORTED where the issuer has no such flow. */
export async function signInByDevice(options: OpenIdOptions): Promise<DeviceSignIn> {
  const config = await configure(options);
  if (config.serverMetadata().device_authorization_endpoint === undefined)
    throw new KeybatonError('UNSUPPORTED', 'this issuer has no device flow: sign in with a token');
  const begun = await initiateDeviceAuthorization(config, { scope: options.scopes.join(' ') }).catch(() => {
    throw new KeybatonError('ACCESS_DENIED', 'the issuer does not let this client sign in by device');
  });
  return {
    code: begun.user_code,
    address: begun.verification_uri_complete ?? begun.verification_uri,
    async wait(signal) {
      // With a signal of our own the library does not end by itself when the code has expired.
      const expired = AbortSignal.timeout(begun.expires_in * 1_000);
      const answer = await pollDeviceAuthorizationGrant(config, begun, undefined, {
        signal: AbortSignal.any([signal, expired]),
      }).catch((thrown: unknown) => {
        throw new KeybatonError('ACCESS_DENIED', whyNot(thrown, expired.aborted));
      });
      if (answer.id_token !== undefined) return answer.id_token;
      throw new KeybatonError('ACCESS_DENIED', 'the issuer did not say who signed in');
    },
  };
}

/** In our own words: what the library says may hold what the issuer sent. */
function whyNot(thrown: unknown, expired: boolean): string {
  const said = thrown instanceof ResponseBodyError ? thrown.error : undefined;
  if (said === 'access_denied') return 'this sign-in was refused in the browser';
  if (expired || said === 'expired_token') return 'nobody agreed to this sign-in in time: begin again';
  return 'the issuer did not confirm this sign-in: begin again';
}
