import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { KeybatonError } from '../../domain/errors.ts';
import type { People } from '../access/people.ts';
import type { Principal } from '../access/principal.ts';
import { identifyPerson, requirePrincipal } from '../http-api/people/guard.ts';

/** Somebody who has signed in, in this request. */
export interface Visitor {
  readonly principal: Principal;
  /** What every form of theirs carries. */
  readonly proof: string;
}

/** What a session is called where it travels by TLS alone: a browser takes it from this very host only, never from a neighbour. */
const hostCookie = '__Host-keybaton_session';
/** Without TLS, on this machine itself, browsers take no cookie of that name. */
const plainCookie = 'keybaton_session';
/** Ties the form of the sign-in page to the browser that asked for it. */
export const strangerCookie = 'keybaton_form';

/** Characters that a cookie and a header may hold as they are; every token of ours is made of them. */
export const tokenShape = /^[A-Za-z0-9._~+/=:-]{1,4096}$/;

/** The session that the browser sent; the plain name counts only where it may have been given. */
export const sessionOf = (request: FastifyRequest): string | undefined =>
  request.cookies[hostCookie] ?? (isOwnMachine(request.headers.host) ? request.cookies[plainCookie] : undefined);

/** Who it is, by the cookie alone: an `Authorization` header is for the API, and no browser sends one by itself. */
export async function identifyVisitor(people: People, request: FastifyRequest): Promise<void> {
  const session = sessionOf(request);
  if (session === undefined || !tokenShape.test(session)) throw new KeybatonError('ACCESS_DENIED', 'sign in first');
  request.headers.authorization = `Bearer ${session}`;
  await identifyPerson(people, request);
}

export const visitorOf = (request: FastifyRequest): Visitor => ({
  principal: requirePrincipal(request),
  proof: formProof(sessionOf(request) ?? ''),
});

/** Only who can read the cookie, which no page and no script can, can make it. */
export const formProof = (cookie: string): string =>
  createHmac('sha256', cookie).update('keybaton form').digest('base64url');

/** Refuses what another site made the browser send. ACCESS_DENIED. */
export function checkForm(request: FastifyRequest, cookie: string | undefined): void {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const elsewhere = site !== undefined ? site !== 'same-origin' : origin !== undefined && hostOf(origin) !== host;
  const sent = Buffer.from(field(request, 'proof'));
  const wanted = Buffer.from(formProof(cookie ?? ''));
  const fits = cookie !== undefined && sent.length === wanted.length && timingSafeEqual(sent, wanted);
  if (elsewhere || !fits)
    throw new KeybatonError('ACCESS_DENIED', 'this form is not from this page, or too old: open the page again');
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** One field of a form as it was sent; empty when it was not, or came twice. */
export function field(request: FastifyRequest, name: string): string {
  const { body } = request;
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return '';
  // The form parser gives text, and a list for a name that came twice.
  const value = (body as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' ? value : '';
}

/** Like `field`, of the query. */
export function asked(request: FastifyRequest, name: string): string {
  // Fastify's parser: text, and a list for a name that came twice.
  const value = (request.query as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' ? value : '';
}

/** Milliseconds that a sign-in lasts at most. */
const longest = 12 * 3_600_000;

/** `url`: the address of the page as it is configured; a form says by itself from where it was sent. */
export function keepSession(request: FastifyRequest, reply: FastifyReply, kept: KeptSession): void {
  const { token, lasts, url } = kept;
  const from = request.headers.origin ?? url;
  // A proxy that ends TLS may name this machine as the host: what the browser calls the page goes before.
  const plain = isOwnMachine(request.headers.host) && (from === undefined || new URL(from).protocol === 'http:');
  void reply.setCookie(plain ? plainCookie : hostCookie, token, {
    ...cookieOptions(request),
    secure: !plain,
    maxAge: Math.max(1, Math.floor(Math.min(longest, lasts) / 1_000)),
  });
}

export interface KeptSession {
  readonly token: string;
  /** Milliseconds. */
  readonly lasts: number;
  readonly url?: string | undefined;
}

export function endSession(request: FastifyRequest, reply: FastifyReply): void {
  void reply.clearCookie(hostCookie, { ...cookieOptions(request), secure: true });
  void reply.clearCookie(plainCookie, cookieOptions(request));
}

const isOwnMachine = (host: string | undefined): boolean =>
  /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host ?? '');

/**
 * A link in a message must find its reader signed in, so `lax`; what changes something also needs the form's proof. Only
 * on this machine itself may it travel without TLS.
 */
export const cookieOptions = (request: FastifyRequest) =>
  ({
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure: !isOwnMachine(request.headers.host),
    encode: (text: string) => text,
  }) as const;
