import { isRecord } from '../api.ts';
import { problem } from '../problem.ts';
import { callStore, jsonOf, refusalOf } from './http.ts';
import { readTokenFile } from './token-file.ts';

export type VaultAuth =
  | {
      /** A token, or what answers one at each use. */
      readonly method: 'token';
      readonly token: string | (() => string | Promise<string>);
    }
  | {
      /** A file that something else keeps fresh, such as Vault Agent's sink. */
      readonly method: 'token-file';
      readonly tokenFile: string;
    }
  | {
      /** The token of a service account or of another issuer, read from its file at each login. */
      readonly method: 'kubernetes' | 'jwt';
      readonly role: string;
      /** Where the kubelet mounts the pod's token, unless told. */
      readonly jwtFile?: string;
      /** Where the method is mounted: by its own name, unless told. */
      readonly mount?: string;
    };

export interface VaultSession {
  token(signal: AbortSignal): Promise<string>;
  /** The token was refused. Was it one of a login, so that another one may help? */
  forget(): boolean;
}

export interface SignIn {
  readonly base: string;
  readonly auth: VaultAuth;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof globalThis.fetch;
  readonly name: string;
}

const podToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';

interface LoggedIn {
  readonly token: string;
  readonly renewAt: number;
  readonly until: number;
}

/** Tokens for calls: logs in once for however many callers, anew at three quarters of a token's life, and after a refusal. */
export function signIn({ base, auth, headers, fetch, name }: SignIn): VaultSession {
  let held: LoggedIn | undefined;
  let logging: Promise<LoggedIn> | undefined;

  async function logIn(signal: AbortSignal): Promise<LoggedIn> {
    if (auth.method === 'token' || auth.method === 'token-file') throw new Error('not a login');
    const { role, jwtFile = podToken, mount = auth.method } = auth;
    const jwt = await readTokenFile(jwtFile);
    const url = `${base}/v1/auth/${mount.split('/').map(encodeURIComponent).join('/')}/login`;
    const body = JSON.stringify({ role, jwt });
    const sent = { ...headers, 'content-type': 'application/json' };
    const answer = await callStore({ url, method: 'POST', headers: sent, body, signal, fetch, name });
    if (answer.status !== 200) {
      throw refusalOf(
        name,
        answer,
        `at the login by ${auth.method} for role ${role}: see its bound names, audience and issuer`,
      );
    }
    const told = jsonOf(name, answer.text);
    const given = isRecord(told) && isRecord(told['auth']) ? told['auth'] : {};
    const { client_token: token, lease_duration: seconds } = given;
    if (typeof token !== 'string' || typeof seconds !== 'number')
      throw problem('NO_ANSWER', `${name} answered a login with something else than a token`);
    // 0: it does not end.
    const life = seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1000;
    return { token, renewAt: Date.now() + 0.75 * life, until: Date.now() + life };
  }

  return {
    async token(signal) {
      if (auth.method === 'token') return typeof auth.token === 'string' ? auth.token : await auth.token();
      if (auth.method === 'token-file') return await readTokenFile(auth.tokenFile);
      if (held !== undefined && Date.now() < held.renewAt) return held.token;
      const before = held;
      logging ??= logIn(signal).finally(() => (logging = undefined));
      try {
        held = await logging;
      } catch (error) {
        // What is in hand is good to its end; the next reading tries again.
        if (before === undefined || Date.now() >= before.until) throw error;
        return before.token;
      }
      return held.token;
    },
    forget() {
      const mayHelp = held !== undefined;
      held = undefined;
      return mayHelp;
    },
  };
}
