import cookie from '@fastify/cookie';
import { jwtVerify } from 'jose';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { codeOf, isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import { httpClient } from '../../outbound/http-client.ts';
import { openId } from '../../outbound/open-id.ts';
import type { Claims, OpenId } from '../../outbound/open-id.ts';
import { cookieOptions, keepSession } from '../web/visitor.ts';
import type { IssuerPlace } from './access-file.ts';
import type { AccessReader } from './access-reader.ts';
import { openKeySet } from './key-set.ts';
import type { KeySet } from './key-set.ts';
import type { OpenedPeople, SignedIn } from './open-people.ts';
import { signInAgain } from './principal-of.ts';
import { because, refusalOf, refusalOfJwt } from './refusal.ts';
import type { Identity, SignedTokens } from './signed-tokens.ts';

export interface SignInOptions {
  readonly file: AccessReader;
  readonly people: OpenedPeople;
  readonly signed: SignedTokens;
  /** Reads a client secret where its reference points. */
  readonly secret: (reference: string) => Promise<SecretMaterial>;
  readonly now: () => number;
}

/** Ties the way back to the browser that left. */
const leavingCookie = 'keybaton_leaving';
const awayFor = 10 * 60_000;

const leavingNote = z.object({
  issuer: z.string(),
  next: z.string(),
  leaving: z.object({ state: z.string(), nonce: z.string(), verifier: z.string() }),
});

/** The way through an identity provider: out with PKCE, state and nonce, back into a session that needs it no more. */
export async function signInWithIssuers(app: FastifyInstance, options: SignInOptions): Promise<void> {
  const { file, people, signed, secret, now } = options;
  const clients = new Map<string, OpenId>();
  await app.register(cookie);
  app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'));

  async function issuerOf(
    name: string,
  ): Promise<{ readonly place: IssuerPlace; readonly client: OpenId; readonly back: string }> {
    const { issuers, url } = await file.current();
    const place = Object.hasOwn(issuers, name) ? issuers[name] : undefined;
    if (place === undefined || url === undefined) throw new KeybatonError('NOT_FOUND', 'there is no such issuer');
    const { issuer, clientId, clientSecret, scopes } = place;
    const key = JSON.stringify([issuer, clientId, clientSecret, scopes]);
    const read = clientSecret === undefined ? undefined : () => secret(clientSecret);
    const client = clients.get(key) ?? openId({ issuer, clientId, clientSecret: read, scopes });
    clients.set(key, client);
    return { place, client, back: `${url.replace(/\/$/, '')}/sign-in/back` };
  }

  app.get('/sign-in/with/:issuer', async (request, reply) => {
    const { issuer } = request.params as { issuer: string };
    const { next } = request.query as { next?: unknown };
    const { client, back } = await issuerOf(issuer);
    const { to, leaving } = await client.leave(back);
    const at = now();
    const note = { issuer, next: ownPath(next), leaving };
    const kept = await signed.signNote('leaving', note, at, at + awayFor);
    void reply.setCookie(leavingCookie, kept, { ...cookieOptions(request), maxAge: awayFor / 1_000 });
    return reply.redirect(to, 303);
  });

  app.get('/sign-in/back', async (request, reply) => {
    const { next, token, expiresAt } = await recorded(people, request, () => signedInBy(request));
    void reply.clearCookie(leavingCookie, cookieOptions(request));
    const { url } = await file.current();
    keepSession(request, reply, { token, lasts: expiresAt - now(), url });
    return reply.redirect(next, 303);
  });

  async function signedInBy(request: FastifyRequest): Promise<SignedIn & { readonly next: string }> {
    const { issuer, next, leaving } = await noteOf(request);
    const { place, client, back } = await issuerOf(issuer);
    const claims = await client.comeBack(back + queryOf(request.url), leaving).catch((thrown: unknown) => {
      throw isKeybatonError(thrown) ? because('not confirmed by the issuer', thrown) : thrown;
    });
    return { next, ...(await people.signIn(identityOf(issuer, place, claims), request.ip)) };
  }

  async function noteOf(request: FastifyRequest): Promise<z.output<typeof leavingNote>> {
    const kept = request.cookies[leavingCookie] ?? '';
    const read = leavingNote.safeParse(await signed.verifyNote('leaving', kept, now()).catch(elsewhere));
    if (read.success) return read.data;
    return elsewhere();
  }

  commandLineRoutes(app, options, issuerOf);
}

function elsewhere(cause?: unknown): never {
  const text = 'this sign-in did not begin in this browser, or too long ago: begin again';
  throw because('unknown state', new KeybatonError('ACCESS_DENIED', text, { cause }));
}

/** For command lines: where to sign in by device, and a session for the id token that comes of it. */
function commandLineRoutes(
  app: FastifyInstance,
  { file, people, now }: SignInOptions,
  issuerOf: (name: string) => Promise<{ readonly place: IssuerPlace }>,
): void {
  app.get('/v1/sign-in', async () => {
    const { issuers } = await file.current();
    return {
      issuers: Object.entries(issuers).map(([name, { issuer, clientId, clientSecret, scopes }]) => ({
        name,
        issuer,
        clientId,
        scopes,
        // A command line has no client secret, and gets none from here.
        public: clientSecret === undefined,
      })),
    };
  });

  app.post('/v1/sign-out', async (request, reply) => {
    const [, token = ''] = (request.headers.authorization ?? '').split(' ');
    await people.signOut(token, request.ip);
    return reply.code(204).send();
  });

  app.post('/v1/sign-in', async (request: FastifyRequest, _reply: FastifyReply): Promise<SignedIn> => {
    const asked = z
      .strictObject({ issuer: z.string().max(63), idToken: z.string().max(20_000) })
      .safeParse(request.body);
    if (!asked.success) throw new KeybatonError('INVALID_CONFIG', 'send issuer and idToken');
    return recorded(people, request, () => signedInBy(asked.data, request.ip));
  });

  async function signedInBy(
    { issuer, idToken }: { issuer: string; idToken: string },
    address: string,
  ): Promise<SignedIn> {
    const { place } = await issuerOf(issuer);
    const claims = await checkIdToken(idToken, place, now);
    const { sessionsSince } = await file.current();
    if (sessionsSince !== undefined && Number(claims['iat']) * 1_000 < Date.parse(sessionsSince))
      throw because('ended', signInAgain());
    return people.signIn(identityOf(issuer, place, claims), address);
  }
}

/** Whoever was refused is in the record: how, from where and why, and nothing of what was sent. */
async function recorded<Answer>(
  people: OpenedPeople,
  request: FastifyRequest,
  signIn: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await signIn();
  } catch (thrown) {
    if (codeOf(thrown) === 'ACCESS_DENIED')
      await people.refused({ method: 'oidc', address: request.ip, why: refusalOf(thrown) });
    throw thrown;
  }
}

/** Seconds: it is sent as soon as it is there, and whoever finds an older one has it from elsewhere. */
const idTokenAge = 600;
/** Seconds that clocks may differ. */
const clockTolerance = 30;

const discovered = z.object({ issuer: z.string(), jwks_uri: z.url() });
const sets = new Map<string, KeySet>();

async function keysOf({ issuer }: IssuerPlace, now: () => number): Promise<KeySet> {
  const known = sets.get(issuer);
  if (known !== undefined) return known;
  const path = '/.well-known/openid-configuration';
  const client = httpClient({ baseUrl: issuer.replace(/\/$/, ''), timeout: 8_000 });
  const read = discovered.safeParse((await client.request({ method: 'GET', path })).body);
  if (!read.success || read.data.issuer !== issuer)
    throw new KeybatonError('UNAVAILABLE', 'the issuer does not answer');
  const made = openKeySet({ place: read.data.jwks_uri, now });
  sets.set(issuer, made);
  return made;
}

async function checkIdToken(token: string, place: IssuerPlace, now: () => number): Promise<Claims> {
  const { getKey } = await keysOf(place, now);
  try {
    const { payload } = await jwtVerify(token, getKey, {
      issuer: place.issuer,
      audience: place.clientId,
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      currentDate: new Date(now()),
      maxTokenAge: idTokenAge,
      clockTolerance,
      requiredClaims: ['sub', 'iat', 'exp'],
    });
    return { ...payload, sub: String(payload.sub) };
  } catch (cause) {
    const text = 'this id token is not of this issuer, not for keybaton, or too old';
    throw because(refusalOfJwt(cause), new KeybatonError('ACCESS_DENIED', text, { cause }));
  }
}

function identityOf(issuer: string, place: IssuerPlace, claims: Claims): Extract<Identity, { by: 'oidc' }> {
  // An address that its issuer has not checked is what somebody has typed: it must not put another one's name into the record.
  const claimed = place.nameClaim !== 'email' || claims['email_verified'] === true;
  const shown = claimed ? claims[place.nameClaim] : undefined;
  const groups = claims[place.groupsClaim];
  return {
    by: 'oidc',
    issuer,
    subject: claims.sub,
    name: typeof shown === 'string' && /^[\x21-\x7e]{1,200}$/.test(shown) ? shown : claims.sub,
    groups: Array.isArray(groups) ? groups.filter((one) => typeof one === 'string') : [],
  };
}

/** Only a path of this site: `//host` and `/\host` are others. */
const ownPath = (next: unknown): string =>
  typeof next === 'string' && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/';

const queryOf = (url: string): string => (url.includes('?') ? url.slice(url.indexOf('?')) : '');
