import { createSign } from 'node:crypto';
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { HttpClient } from '../../outbound/http-client.ts';
import type { BackendCall } from '../backend.ts';
import type { GithubSettings } from './settings.ts';

/** Gives every call a token; `refused` tells that the one given was not taken. */
export interface SignIn {
  token(call: BackendCall): Promise<string>;
  refused(token: string): void;
}

const shape = z.object({ token: z.string().min(1), expires_at: z.string() });

/** A new one is asked for this long before the old one ends. */
const margin = 300_000;

export function signIn(auth: GithubSettings['auth'], http: HttpClient, admin: () => Promise<SecretMaterial>): SignIn {
  if (auth.method === 'token') return { token: async () => (await admin()).revealValue(), refused: () => undefined };
  const { appId, installationId } = auth;
  let held: { readonly token: string; readonly until: number } | undefined;
  return {
    async token(call) {
      if (held !== undefined && call.now() < held.until - margin) return held.token;
      const { body } = await http.request({
        method: 'POST',
        path: `/app/installations/${String(installationId)}/access_tokens`,
        headers: { authorization: `Bearer ${appToken(appId, (await admin()).revealValue(), call.now())}` },
        signal: call.signal,
        deadline: call.deadline,
        now: () => call.now(),
        // A token that nobody got has no effect.
        mayHaveHappened: false,
      });
      const read = shape.safeParse(body);
      if (!read.success)
        throw new KeybatonError('UNAVAILABLE', 'github gave an installation token in a shape we do not know');
      held = { token: read.data.token, until: Date.parse(read.data.expires_at) };
      return held.token;
    },
    refused(token) {
      if (held?.token === token) held = undefined;
    },
  };
}

/** What an app proves itself with: signed by its key, good for minutes. Issued a minute ago, since clocks differ. */
function appToken(appId: string, key: string, now: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const at = Math.floor(now / 1_000);
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: at - 60, exp: at + 540, iss: appId })}`;
  try {
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`;
  } catch {
    // The library's error may quote the key.
    throw new KeybatonError('INVALID_CONFIG', 'the admin secret is no private key of a GitHub App, as PEM');
  }
}
