import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { codeOf, KeybatonError } from '../../domain/errors.ts';
import type { Reach } from '../operations/operation.ts';
import type { Operation } from '../operations/operation.ts';
import type { AccessEvents } from './access-events.ts';
import type { AccessFile } from './access-file.ts';
import type { AccessReader } from './access-reader.ts';
import type { Approval, Approvals } from './approvals.ts';
import { nameOfWhat, withoutSecrets } from './approvals.ts';
import { hashOf, ownTokenShape } from './own-tokens.ts';
import type { EndedSessions } from './ended-sessions.ts';
import { killsAlone } from './kills-alone.ts';
import type { KillAllowance } from './kill-allowance.ts';
import type { OwnTokens } from './own-tokens.ts';
import type { Allowed, People } from './people.ts';
import { actorOf, principalOfBreakGlass, principalOfPerson, principalOfToken, signInAgain } from './principal-of.ts';
import type { Principal } from './principal.ts';
import { because, refusalOf } from './refusal.ts';
import type { RefusedSignIn, RefusedSignIns } from './refused-sign-ins.ts';
import type { Review, Reviews } from './reviews.ts';
import { checkAllowed } from './roles.ts';
import { looksSigned } from './signed-tokens.ts';
import { stillToAgree } from './still-to-agree.ts';
import type { Identity, SignedTokens } from './signed-tokens.ts';
import { twoPeopleFor } from './two-people.ts';
import type { TwoPeople } from './two-people.ts';

export interface OpenPeople {
  readonly file: AccessReader;
  readonly tokens: OwnTokens;
  readonly signed: SignedTokens;
  readonly approvals: Approvals;
  readonly reviews: Reviews;
  readonly kills: KillAllowance;
  readonly ended: EndedSessions;
  readonly events: AccessEvents;
  readonly refused: Pick<RefusedSignIns, 'note'>;
  /** Wakes security: the glass is broken. Begun beside the request, which waits for nobody. */
  readonly wake: (review: Review) => Promise<void>;
  readonly now: () => number;
}

export interface SignedIn {
  readonly token: string;
  readonly expiresAt: number;
}

/** What the page and the sign-in routes need beside the guard. */
export interface OpenedPeople extends People {
  /** A short signed token in place of what somebody showed: what a browser or a command line keeps. */
  session(principal: Principal): Promise<SignedIn>;
  /**
   * Ends a sign-in for everybody who has a copy of it; on disk when it returns. Whatever is no sign-in that could still be used has
   * ended already.
   */
  signOut(token: string, address: string): Promise<void>;
  /** For the record: a sign-in that was refused before it named anybody. Never fails. */
  refused(what: RefusedSignIn): Promise<void>;
  /** For somebody whom an identity provider has just named. */
  signIn(who: Extract<Identity, { by: 'oidc' }>, address?: string): Promise<SignedIn>;
}

/** Milliseconds between two tries to wake somebody over one broken glass. */
const wakeAgain = 60_000;
const breakGlassShape = /^kbg_[A-Za-z0-9_-]{43}$/;
const notValid = (): KeybatonError => new KeybatonError('ACCESS_DENIED', 'this token is not valid');

/** The guard over the access file, our own tokens and signed sign-ins. Needs neither ledger nor identity provider. */
export function openPeople(options: OpenPeople): OpenedPeople {
  const { file, tokens, signed, approvals, reviews, kills, ended, events, refused, wake, now } = options;
  /** Behind which sign-in a principal stands, so that a session can be made from it. */
  const identities = new WeakMap<Principal, Identity>();
  const wokenAt = new Map<string, number>();

  async function identify({ authorization }: IncomingHttpHeaders, address: string): Promise<Principal> {
    try {
      const [scheme, token, more] = (authorization ?? '').split(' ');
      if (scheme?.toLowerCase() !== 'bearer' || token === undefined || more !== undefined)
        throw because(
          'malformed',
          new KeybatonError('ACCESS_DENIED', 'sign in first: send `Authorization: Bearer` and a token'),
        );
      return await identifyToken(token, address);
    } catch (thrown) {
      // Who shows nothing has not tried to sign in.
      if (authorization !== undefined && codeOf(thrown) === 'ACCESS_DENIED')
        await refused.note({ method: methodOf(authorization), address, why: refusalOf(thrown) });
      throw thrown;
    }
  }

  async function identifyToken(token: string, address: string): Promise<Principal> {
    const at = now();
    const access = await file.current();
    if (ownTokenShape.test(token)) {
      const record = await tokens.verify(token, at);
      return known({ by: 'token', id: record.id }, principalOfToken(record), address, record.expiresAt);
    }
    if (breakGlassShape.test(token)) {
      const name = breakGlassName(token, access);
      const review = await breakGlass(name, address, at);
      const part = principalOfBreakGlass(name, access, at);
      return known({ by: 'break-glass', name, review }, { ...part, review }, address, at + access.session);
    }
    if (!looksSigned(token)) throw because('malformed', notValid());
    const session = await signed.verify(token, at);
    const { identity, signedAt, expiresAt } = session;
    if (await ended.has(session)) throw because('ended', signInAgain());
    if (access.sessionsSince !== undefined && signedAt < Date.parse(access.sessionsSince))
      throw because('ended', signInAgain());
    switch (identity.by) {
      case 'oidc':
        return known(identity, principalOfPerson(identity, access), address, expiresAt);
      case 'token':
        return known(identity, principalOfToken(await tokens.find(identity.id, at)), address, expiresAt);
      case 'break-glass': {
        const part = principalOfBreakGlass(identity.name, access, at);
        // A review that was closed, or opened elsewhere, does not speak for what is done from here on.
        const review = await breakGlass(identity.name, address, at);
        return known({ ...identity, review }, { ...part, review }, address, expiresAt);
      }
    }
  }

  function known(
    identity: Identity,
    part: Omit<Principal, 'address' | 'expiresAt'>,
    address: string,
    expiresAt: number,
  ): Principal {
    const principal = { ...part, address, expiresAt };
    identities.set(principal, identity);
    return principal;
  }

  /** On disk before anything is done with it; security is woken beside it, and again at later uses until that was heard. */
  async function breakGlass(token: string, address: string, at: number): Promise<string> {
    const { fresh, ...review } = await reviews.open({ token, address, now: at });
    if (review.told !== true && at - (wokenAt.get(review.id) ?? -Infinity) >= wakeAgain) {
      wokenAt.set(review.id, at);
      void wake(review)
        .then(
          () => reviews.told({ review: review.id, told: true, now: now() }),
          () => reviews.told({ review: review.id, told: false, now: now() }),
        )
        .catch(() => undefined);
    }
    if (fresh)
      void events
        .write({
          kind: 'access.glass-broken',
          actor: `break-glass:${token}`,
          body: { address, review: review.id },
        })
        .catch(() => undefined);
    return review.id;
  }

  async function authorise(asked: Parameters<People['authorise']>[0]): Promise<Allowed | undefined> {
    const { principal, operation, reach, input, ports } = asked;
    checkAllowed(operation.name, principal.grants, reach);
    const meant = { operation: operation.name, input, reach, ports };
    const tooMuch = await twoPeopleFor(meant);
    const { why, looked, allowed } =
      tooMuch === undefined
        ? { looked: undefined, ...(await killsAlone({ kills, principal, meant, now: now() })) }
        : { looked: undefined, ...tooMuch, allowed: onlyIn(tooMuch) };
    const { review } = principal;
    if (review !== undefined && operation.effect !== 'read')
      await reviews.used({ review, operation: operation.name, overrode: why ?? null, now: now() });
    if (why !== undefined && principal.method !== 'break-glass') await agreedByTwo({ ...asked, why, looked });
    return allowed;
  }

  async function agreedByTwo({
    principal,
    operation,
    reach,
    input,
    why,
    looked,
  }: {
    readonly principal: Principal;
    readonly operation: Operation;
    readonly reach: Reach;
    readonly input: unknown;
    readonly why: string;
    readonly looked: unknown;
  }): Promise<void> {
    const what = nameOfWhat(operation, input, reach, looked);
    const approval = await approvals.ask({
      what,
      operation: operation.name,
      input: shortened(withoutSecrets(operation, input)),
      reach,
      why,
      by: principal.actor,
      now: now(),
    });
    const people = peopleBehind(principal, approval);
    if (people >= 2) return approvals.use({ id: approval.id, by: principal.actor, now: now() });
    throw stillToAgree(approval, people);
  }

  const signs = (kind: string, actor: string, method: Principal['method'], address: string): Promise<void> =>
    events.write({ kind, actor, body: { method, address } });

  return {
    identify,
    authorise,
    async mayStill({ principal, operation, reach }) {
      checkAllowed(operation.name, principal.grants, reach);
    },
    async record({ principal, operation, outcome, why }) {
      const { actor, method, address, person, review } = principal;
      await events.write({
        kind: `access.${outcome}`,
        actor,
        body: { operation, method, address, person, why, ...(review === undefined ? {} : { review }) },
      });
    },
    async signOut(token, address) {
      const at = now();
      if (!looksSigned(token)) return;
      const session = await signed.verify(token, at).catch((thrown: unknown) => {
        if (codeOf(thrown) !== 'ACCESS_DENIED') throw thrown;
        return undefined;
      });
      if (session === undefined) return;
      await ended.end(session, at);
      const { identity } = session;
      await signs('access.signed-out', actorOf(identity, await file.current()), identity.by, address);
    },
    refused: (what) => refused.note(what),
    async session(principal) {
      const identity = identities.get(principal);
      if (identity === undefined) throw signInAgain();
      const at = now();
      const expiresAt = Math.min(principal.expiresAt, at + (await file.current()).session);
      await signs('access.signed-in', principal.actor, principal.method, principal.address);
      return { token: await signed.sign(identity, at, expiresAt), expiresAt };
    },
    async signIn(who, address = 'unknown') {
      const at = now();
      const access = await file.current();
      // Nobody signs in to find out afterwards that they may do nothing.
      if (principalOfPerson(who, access).grants.length === 0)
        throw because(
          'no grant',
          new KeybatonError('ACCESS_DENIED', 'no grant in the access file is for you or one of your groups'),
        );
      const expiresAt = at + access.session;
      await signs('access.signed-in', actorOf(who, access), 'oidc', address);
      return { token: await signed.sign(who, at, expiresAt), expiresAt };
    },
  };
}

/** By its shape alone: what it says of itself proves nothing. */
function methodOf(authorization: string): RefusedSignIn['method'] {
  const token = authorization.slice('bearer '.length);
  if (ownTokenShape.test(token)) return 'token';
  if (breakGlassShape.test(token)) return 'break-glass';
  return looksSigned(token) ? 'signed-token' : 'unknown';
}

const onlyIn = ({ epoch }: TwoPeople): Allowed | undefined =>
  epoch === undefined ? undefined : { epoch, ended: async () => undefined };

function breakGlassName(token: string, { breakGlass }: AccessFile): string {
  const hash = hashOf(token);
  const found = Object.entries(breakGlass).find(([, one]) => timingSafeEqual(Buffer.from(one.sha256, 'hex'), hash));
  if (found === undefined) throw because('unknown', notValid());
  return found[0];
}

/** Whoever asks and whoever has agreed, as the identity provider names them: two tokens of one person are one. */
function peopleBehind({ person }: Principal, { agreed }: Approval): number {
  return new Set([...agreed.map((one) => one.person), ...(person === null ? [] : [person])]).size;
}

/** What those who must agree are shown: a whole file by its length and its SHA-256, to be held against the one they have read. */
function shortened(input: unknown): unknown {
  return JSON.parse(
    JSON.stringify(input ?? null, (_key, value: unknown) =>
      typeof value === 'string' && value.length > 500
        ? `(${String(value.length)} characters, SHA-256 ${hashOf(value).toString('hex')})`
        : value,
    ),
  );
}
