import { z } from 'zod';
import { codeOf, KeybatonError } from '../../domain/errors.ts';
import type { BackendCall } from '../backend.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import { type LoginMethod, readLogin } from './login.ts';
import type { VaultKvSettings } from './settings.ts';
import type { VaultAnswer, VaultClient } from './vault-client.ts';
import { vaultTrouble } from './vault-trouble.ts';

/** Gives every request a token that should hold. */
export interface VaultSession {
  /** Sends with a token; where we log in ourselves, once more with a fresh one when the token was refused. */
  send(call: BackendCall, request: (token: string) => Promise<VaultAnswer>): Promise<VaultAnswer>;
}

interface Held {
  readonly token: string;
  readonly renewable: boolean;
  /** By the caller's clock. */
  readonly renewAt: number;
  readonly endsAt: number;
}

const authShape = z.object({
  auth: z.object({ client_token: z.string(), lease_duration: z.number(), renewable: z.boolean() }),
});
const lookupShape = z.object({ data: z.object({ ttl: z.number(), renewable: z.boolean().default(false) }) });

export function createSession(
  { auth, timeout }: VaultKvSettings,
  client: VaultClient,
  admin: () => Promise<SecretMaterial>,
): VaultSession {
  let held: Held | undefined;
  let gettingOne: Promise<Held> | undefined;

  /** Logins and renewals are shared by calls, so one caller's leaving must not end them. Losing one has no effect. */
  const shared = (call: BackendCall, token: string) => ({
    token,
    signal: AbortSignal.timeout(timeout),
    deadline: call.deadline,
    now: () => call.now(),
    mayHaveHappened: false,
  });

  async function logIn(call: BackendCall, method: LoginMethod): Promise<Held> {
    const { mount, body, check } = await readLogin(method, admin);
    const answer = await client.write(`auth/${mount}/login`, body, shared(call, ''));
    // A wrong role, secret id or token is answered with 400, by Kubernetes' own also with 403.
    if (answer.status === 400 || answer.status === 403) {
      throw new KeybatonError(
        'ACCESS_DENIED',
        `vault refuses the ${method.method} login at auth/${mount}: check ${check}`,
      );
    }
    return heldSince(call.now(), answer, `auth/${mount}/login`);
  }

  async function renew(call: BackendCall, { token }: Held): Promise<Held> {
    const answer = await client.write('auth/token/renew-self', {}, shared(call, token));
    return heldSince(call.now(), answer, 'auth/token/renew-self');
  }

  /** A token given to us: its time is asked for once, and it is renewed like one of our own. */
  async function lookUp(call: BackendCall, token: string): Promise<Held> {
    const answer = await client.read('auth/token/lookup-self', shared(call, token));
    const shape = lookupShape.safeParse(answer.body);
    // Refused: the token is bad, or may not ask about itself. The request that follows tells, so nothing is lost here.
    const ttl = answer.status === 200 && shape.success ? shape.data.data : { ttl: 0, renewable: false };
    return heldFor(call.now(), token, ttl.ttl, ttl.renewable);
  }

  /** Undefined: refused (its longest life is reached, it was revoked), which only another token mends. */
  async function renewed(call: BackendCall, before: Held): Promise<Held | undefined> {
    try {
      const after = await renew(call, before);
      // At its longest life a renewal succeeds and gives no time.
      return after.endsAt > before.endsAt ? after : undefined;
    } catch (thrown) {
      if (codeOf(thrown) === 'ACCESS_DENIED') return undefined;
      return later(call.now(), before);
    }
  }

  async function next(call: BackendCall): Promise<Held> {
    if (auth.method === 'token') return nextOfGiven(call);
    const living = held !== undefined && call.now() < held.endsAt ? held : undefined;
    const longer = living?.renewable ? await renewed(call, living) : undefined;
    if (longer !== undefined) return longer;
    try {
      return await logIn(call, auth);
    } catch (thrown) {
      // The one we have is good until it ends: no request fails because another cannot be had right now.
      if (living === undefined) throw thrown;
      return later(call.now(), living);
    }
  }

  async function nextOfGiven(call: BackendCall): Promise<Held> {
    const token = (await admin()).revealValue();
    if (held?.token !== token) return lookUp(call, token);
    if (!held.renewable || call.now() < held.renewAt) return held;
    return (await renewed(call, held)) ?? later(call.now(), held);
  }

  async function token(call: BackendCall): Promise<string> {
    if (auth.method !== 'token' && held !== undefined && call.now() < held.renewAt) return held.token;
    gettingOne ??= next(call).finally(() => {
      gettingOne = undefined;
    });
    held = await gettingOne;
    return held.token;
  }

  return {
    async send(call, request) {
      const first = await token(call);
      const answer = await request(first);
      // 403 has no effect; a token that was revoked or forgotten by a restarted server looks like a missing permission.
      if (answer.status !== 403 || auth.method === 'token') return answer;
      const asked = await client.read('auth/token/lookup-self', shared(call, first));
      if (asked.status === 200) return answer;
      if (held?.token === first) held = undefined;
      return request(await token(call));
    },
  };
}

function heldSince(now: number, answer: VaultAnswer, what: string): Held {
  if (answer.status !== 200) throw vaultTrouble(answer, what, false);
  const shape = authShape.safeParse(answer.body);
  if (!shape.success) throw new KeybatonError('UNAVAILABLE', `vault answered ${what} in a shape we do not know`);
  const { client_token, lease_duration, renewable } = shape.data.auth;
  return heldFor(now, client_token, lease_duration, renewable);
}

/** `seconds` of 0: never ends. Renewed at half its life: two tries are left before it ends. */
function heldFor(now: number, token: string, seconds: number, renewable: boolean): Held {
  const life = seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1_000;
  return { token, renewable: renewable && seconds > 0, renewAt: now + life / 2, endsAt: now + life };
}

/** Tried again at half of what is left, never at every request: a server in trouble is not helped by being asked more. */
function later(now: number, held: Held): Held {
  const left = Math.max(held.endsAt - now, 0);
  return { ...held, renewAt: now + Math.max(left / 2, Math.min(left, 1_000)) };
}
