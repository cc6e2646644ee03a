import { readFile } from 'node:fs/promises';
import { createLocalJWKSet } from 'jose';
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import { KeybatonError } from '../../domain/errors.ts';
import { httpClient } from '../../outbound/http-client.ts';

/** Public keys of an issuer, kept in memory: they are asked for anew when old, and when a token names one that is not there. */
export interface KeySet {
  readonly getKey: JWTVerifyGetKey;
}

const fresh = 10 * 60_000;
/** While the issuer is away its last keys count this long. */
const offline = 24 * 3_600_000;
/** A token of nobody's making must not let us ask again and again. */
const pause = 30_000;

export interface KeySetOptions {
  /** An https address, or `file:///path`. */
  readonly place: string;
  readonly now: () => number;
}

export function openKeySet({ place, now }: KeySetOptions): KeySet {
  let kept: { readonly find: JWTVerifyGetKey; readonly at: number } | undefined;
  let askedAt = -Infinity;
  let asking: Promise<void> | undefined;

  async function ask(): Promise<void> {
    askedAt = now();
    const keys = place.startsWith('file:') ? await fromFile(new URL(place)) : await fromSite(place);
    kept = { find: createLocalJWKSet(keys), at: now() };
  }

  const renew = (): Promise<void> => (asking ??= ask().finally(() => (asking = undefined)));

  return {
    async getKey(header, token) {
      if ((kept === undefined || now() - kept.at > fresh) && now() - askedAt > pause)
        await renew().catch(() => undefined);
      if (kept === undefined || now() - kept.at > offline)
        throw new KeybatonError('UNAVAILABLE', 'the keys of this issuer cannot be read');
      try {
        return await kept.find(header, token);
      } catch (thrown) {
        // A new key is in use before we have heard of it.
        if (now() - askedAt <= pause) throw thrown;
        await renew().catch(() => undefined);
        return kept.find(header, token);
      }
    },
  };
}

async function fromSite(place: string): Promise<JSONWebKeySet> {
  const { origin, pathname } = new URL(place);
  const { body } = await httpClient({ baseUrl: origin, timeout: 5_000 }).request({ method: 'GET', path: pathname });
  return checked(body);
}

const fromFile = async (place: URL): Promise<JSONWebKeySet> => checked(JSON.parse(await readFile(place, 'utf8')));

function checked(body: unknown): JSONWebKeySet {
  if (typeof body === 'object' && body !== null && 'keys' in body && Array.isArray(body.keys))
    // Each key is read by jose, which refuses what is none.
    return body as JSONWebKeySet;
  throw new KeybatonError('UNAVAILABLE', 'this is no set of public keys');
}
