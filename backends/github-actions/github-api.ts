import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import { httpClient, type HttpMethod } from '../../outbound/http-client.ts';
import { pathPart } from '../../outbound/path-part.ts';
import type { BackendCall } from '../backend.ts';
import { ensureInTime } from '../call.ts';
import { sealed } from './sealed-box.ts';
import { signIn } from './sign-in.ts';
import type { GithubSettings } from './settings.ts';

/** Secrets and variables of one repository or environment. Every error is a KeybatonError, and only what is absent is absent. */
export interface GithubApi {
  /** Writes a secret, which nobody can read back. The same again is no change that anybody could see. */
  putSecret(name: string, value: string, call: BackendCall): Promise<void>;
  hasSecret(name: string, call: BackendCall): Promise<boolean>;
  /** Already gone is success. */
  removeSecret(name: string, call: BackendCall): Promise<void>;
  variable(name: string, call: BackendCall): Promise<string | undefined>;
  setVariable(name: string, value: string, there: boolean, call: BackendCall): Promise<void>;
  removeVariable(name: string, call: BackendCall): Promise<void>;
}

const keyShape = z.object({ key_id: z.string(), key: z.string() });
const variableShape = z.object({ value: z.string() });
const saysShape = z.object({ message: z.string() });

/** Statuses that mean something here; of others (429, 5xx) the transport knows what to make. */
const meant = [401, 403, 404, 409, 422];

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export function githubApi(settings: GithubSettings, admin: () => Promise<SecretMaterial>): GithubApi {
  const { api, owner, repository, environment, timeout } = settings;
  const headers = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' };
  const http = httpClient({ baseUrl: api, timeout, headers });
  const tokens = signIn(settings.auth, http, admin);
  const repo = `/repos/${pathPart(owner)}/${pathPart(repository)}`;
  const base = environment === undefined ? `${repo}/actions` : `${repo}/environments/${pathPart(environment)}`;

  async function once(method: HttpMethod, path: string, body: object | undefined, call: BackendCall) {
    const token = await tokens.token(call);
    const writes = method !== 'GET';
    if (writes) ensureInTime(call);
    const answer: Answer = await http.request({
      method,
      path: `${base}${path}`,
      ...(body !== undefined && { body }),
      headers: { authorization: `Bearer ${token}` },
      signal: call.signal,
      deadline: call.deadline,
      now: () => call.now(),
      expect: meant,
    });
    return { answer, token };
  }

  /** Answers 2xx, 404, 409 and 422; an installation's token that was ended early is replaced once. */
  async function ask(method: HttpMethod, path: string, body: object | undefined, call: BackendCall): Promise<Answer> {
    const what = `${method} ${path} of ${owner}/${repository}`;
    const first = await once(method, path, body, call);
    if (first.answer.status === 401) tokens.refused(first.token);
    const { answer } = first.answer.status === 401 ? await once(method, path, body, call) : first;
    if (answer.status !== 401 && answer.status !== 403) return answer;
    const said = saysShape.safeParse(answer.body);
    // The second kind of limit is a 403 as well; only the text tells it from a missing right.
    if (answer.status === 403 && said.success && /rate limit|abuse/i.test(said.data.message)) {
      throw new KeybatonError('RATE_LIMITED', `github asks us to slow down at ${what}`, { retryAfter: 60_000 });
    }
    throw new KeybatonError(
      'ACCESS_DENIED',
      `github answered ${String(answer.status)} to ${what}: check the credential, and its rights to secrets and variables`,
    );
  }

  async function publicKey(call: BackendCall): Promise<z.output<typeof keyShape>> {
    const { status, body } = await ask('GET', '/secrets/public-key', undefined, call);
    const read = keyShape.safeParse(body);
    if (status === 200 && read.success) return read.data;
    // GitHub hides what one may not see.
    throw new KeybatonError(
      'INVALID_CONFIG',
      `github has no ${environment === undefined ? '' : 'such environment in '}${owner}/${repository} that we may see: check the names, and that the credential reaches it`,
    );
  }

  function expectGood({ status }: Answer, what: string, writes: boolean): void {
    if (status < 300) return;
    if (status === 409)
      throw new KeybatonError('UNAVAILABLE', `github answered 409 to ${what}: somebody changes it too`);
    if (status === 422) {
      throw new KeybatonError(
        'INVALID_CONFIG',
        `github answered 422 to ${what}: is the name allowed, the value too long, the repository full?`,
      );
    }
    throw new KeybatonError(
      status === 404 ? 'INVALID_CONFIG' : writes ? 'AMBIGUOUS' : 'UNAVAILABLE',
      `github answered ${String(status)} to ${what}`,
    );
  }

  /** 404 is absence only when the repository itself can be seen. */
  async function found(path: string, call: BackendCall): Promise<Answer | undefined> {
    const answer = await ask('GET', path, undefined, call);
    if (answer.status !== 404) {
      expectGood(answer, `read ${path}`, false);
      return answer;
    }
    await publicKey(call);
    return undefined;
  }

  async function remove(path: string, call: BackendCall): Promise<void> {
    const answer = await ask('DELETE', path, undefined, call);
    if (answer.status === 404) await publicKey(call);
    else expectGood(answer, `delete ${path}`, true);
  }

  return {
    async putSecret(name, value, call) {
      let key = await publicKey(call);
      for (let first = true; ; first = false) {
        const encrypted_value = await sealed(value, key.key);
        const answer = await ask('PUT', `/secrets/${name}`, { encrypted_value, key_id: key.key_id }, call);
        if (answer.status !== 422 || !first) return expectGood(answer, `write secret ${name}`, true);
        // The key may have been replaced since we asked for it.
        const now = await publicKey(call);
        if (now.key_id === key.key_id) return expectGood(answer, `write secret ${name}`, true);
        key = now;
      }
    },

    hasSecret: async (name, call) => (await found(`/secrets/${name}`, call)) !== undefined,
    removeSecret: (name, call) => remove(`/secrets/${name}`, call),

    async variable(name, call) {
      const answer = await found(`/variables/${name}`, call);
      if (answer === undefined) return undefined;
      const read = variableShape.safeParse(answer.body);
      if (read.success) return read.data.value;
      throw new KeybatonError('UNAVAILABLE', `github gave variable ${name} in a shape we do not know`);
    },

    async setVariable(name, value, there, call) {
      const answer = there
        ? await ask('PATCH', `/variables/${name}`, { name, value }, call)
        : await ask('POST', '/variables', { name, value }, call);
      expectGood(answer, `set variable ${name}`, true);
    },

    removeVariable: (name, call) => remove(`/variables/${name}`, call),
  };
}
