import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { placeOf } from '../../access/address-place.ts';
import { actorOf } from './guard.ts';
import { openBuckets } from './limits.ts';

/** Requests a minute from one address, counted before anything is read, parsed, hashed or checked. */
export interface AddressLimits {
  /** Every step of signing in. */
  readonly signIns: number;
  /** Pages and what belongs to them, for browsers in which nobody is known to have signed in. */
  readonly pages: number;
}

export const defaultAddressLimits: AddressLimits = { signIns: 60, pages: 1_200 };

/** Milliseconds for which a cookie that was good lets its browser in past the strangers at the same address. */
const knownFor = 10 * 60_000;
const mostKnown = 10_000;

/**
 * For pages and ways to sign in, where a stranger may ask. RATE_LIMITED, saying when. Somebody who has signed in is not kept
 * out by strangers behind the same proxy: their cookie was good a moment ago, and what they ask is counted by who they are.
 */
export async function limitAddresses(
  app: FastifyInstance,
  limits: AddressLimits = defaultAddressLimits,
): Promise<void> {
  const bucket = await openBuckets(app);
  const signIns = bucket(limits.signIns, ({ ip }) => `sign-ins/${placeOf(ip)}`);
  const pages = bucket(limits.pages, ({ ip }) => `pages/${placeOf(ip)}`);
  const known = new Map<string, number>();

  app.addHook('onRequest', async (request) => {
    if (/^\/(?:v1\/)?sign-in(?:[/?]|$)/.test(request.url)) return signIns(request);
    const until = known.get(browserOf(request));
    if (until === undefined || until < Date.now()) await pages(request);
  });
  app.addHook('preHandler', async (request) => {
    if (actorOf(request) === undefined || request.headers.cookie === undefined) return;
    const browser = browserOf(request);
    known.delete(browser);
    known.set(browser, Date.now() + knownFor);
    const [oldest] = known.keys();
    if (known.size > mostKnown && oldest !== undefined) known.delete(oldest);
  });
}

/** A hash: what is in a cookie stays there. */
const browserOf = ({ headers }: FastifyRequest): string =>
  createHash('sha256')
    .update(headers.cookie ?? '')
    .digest('base64url');
