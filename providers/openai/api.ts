/**
 * OpenAI's administration API, as much of it as keys need: one function per endpoint, one request each.
 * https://platform.openai.com/docs/api-reference/project-service-accounts and .../project-api-keys
 */
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { shapedAs } from '../../outbound/answer-shape.ts';
import { httpClient, type HttpAnswer, type HttpRequest } from '../../outbound/http-client.ts';
import { pathPart } from '../../outbound/path-part.ts';
import type { Call, Target } from '../provider.ts';
import type { OpenAiSettings } from './settings.ts';

const key = z.object({
  id: z.string().min(1),
  name: z.string(),
  redacted_value: z.string().optional(),
  created_at: z.number(),
  last_used_at: z.number().nullish(),
  owner: z.object({ service_account: z.object({ id: z.string(), name: z.string() }).nullish() }),
});
const page = z.object({ data: z.array(key), has_more: z.boolean(), last_id: z.string().nullish() });
const account = z.object({ id: z.string().min(1), name: z.string() });
const freshKey = z.object({ id: z.string().min(1), value: z.string().min(1), expires_at: z.number().nullish() });
const accountWithKey = account.extend({ api_key: freshKey });
const vendorError = z.object({ error: z.object({ code: z.string().nullish() }) });

const projects = z.object({ data: z.array(z.object({ id: z.string() })) });

export type ListedKey = z.output<typeof key>;
export type FreshKey = z.output<typeof freshKey>;

const mostPages = 1_000;

export type OpenAiApi = Awaited<ReturnType<typeof openAiApi>>;

export async function openAiApi(target: Target<OpenAiSettings>, call: Call) {
  const { settings } = target;
  const client = httpClient({ baseUrl: settings.baseUrl, timeout: settings.callTimeout });
  const headers = { authorization: `Bearer ${(await target.admin()).revealValue()}` };
  const project = `/organization/projects/${pathPart(settings.project)}`;
  const accounts = `${project}/service_accounts`;
  const accountPath = (id: string) => `${accounts}/${pathPart(id)}`;
  const keyPath = (id: string) => `${project}/api_keys/${pathPart(id)}`;

  let theirClock: number | undefined;
  const send = async (request: HttpRequest): Promise<HttpAnswer> => {
    const answer = await client.request({
      ...request,
      headers,
      signal: call.signal,
      deadline: call.deadline,
      now: () => call.now(),
    });
    theirClock = answer.date ?? theirClock;
    return answer;
  };
  const read = async <Shape>(schema: z.ZodType<Shape>, path: string, query: HttpRequest['query'] = {}) =>
    shapedAs(schema, await send({ method: 'GET', path, query }), { what: `reading ${path}`, mayHaveHappened: false });
  const make = async <Shape>(schema: z.ZodType<Shape>, path: string, body: object): Promise<Shape> => {
    const answer = await send({ method: 'POST', path, body, expect: [400] });
    if (answer.status === 400) throw badRequest(path, answer);
    return shapedAs(schema, answer, { what: `creating at ${path}`, mayHaveHappened: true });
  };

  return {
    /** The vendor's clock as its newest answer told it, else ours: epoch milliseconds. */
    clock: (): number => theirClock ?? call.now(),

    /** Every enabled key of the project, all pages. Without `any` the vendor hides keys whose owner has no role. */
    async keys(): Promise<readonly ListedKey[]> {
      const found: ListedKey[] = [];
      let after: string | undefined;
      for (let pages = 0; pages < mostPages; pages += 1) {
        const one = await read(page, `${project}/api_keys`, { limit: 100, owner_project_access: 'any', after });
        found.push(...one.data);
        if (!one.has_more) return found;
        after = one.last_id ?? one.data.at(-1)?.id;
        if (after === undefined) break;
      }
      throw new KeybatonError('UNAVAILABLE', `the list of keys of ${settings.project} does not come to an end`);
    },

    /** 403 to a read is told as it is; whether it may write too cannot be asked without writing. */
    async readsAdminKeys(): Promise<boolean> {
      return may(
        await send({ method: 'GET', path: '/organization/admin_api_keys', query: { limit: 1 }, expect: [403] }),
      );
    },
    async readsOtherProjects(): Promise<boolean> {
      const path = '/organization/projects';
      const answer = await send({ method: 'GET', path, query: { limit: 2 }, expect: [403] });
      if (!may(answer)) return false;
      const { data } = shapedAs(projects, answer, { what: `reading ${path}`, mayHaveHappened: false });
      return data.some(({ id }) => id !== settings.project);
    },

    key: (id: string) => read(key, keyPath(id)),
    account: (id: string) => read(account, accountPath(id)),

    createAccountWithKey: (name: string, expiry: object) => make(accountWithKey, accounts, { name, ...expiry }),
    createAccountAlone: (name: string) => make(account, accounts, { name, create_service_account_only: true }),
    /** An account created alone has no role, and its keys no access to the project. */
    giveMembership: (id: string) => make(account, accountPath(id), { role: 'member' }),
    createKey: (id: string, body: object) => make(freshKey, `${accountPath(id)}/api_keys`, body),

    async moveExpiry(id: string, seconds: number): Promise<void> {
      await make(z.object({ id: z.string() }), keyPath(id), { expires_in_seconds: seconds });
    },

    /** `refused`: the older behaviour, which deletes keys of service accounts only with their account. */
    async deleteKey(id: string): Promise<'deleted' | 'refused' | 'unknown'> {
      const { status } = await send({ method: 'DELETE', path: keyPath(id), expect: [400, 404] });
      return status === 400 ? 'refused' : status === 404 ? 'unknown' : 'deleted';
    },

    /** Kills every key of the account. Already gone is success. */
    async deleteAccount(id: string): Promise<void> {
      await send({ method: 'DELETE', path: accountPath(id), expect: [404] });
    },
  };
}

/** A 403 may come from anything between us and the vendor: only its own words are an answer. */
function may(answer: HttpAnswer): boolean {
  if (answer.status !== 403) return true;
  const words = z.object({ error: z.object({ message: z.string() }) });
  shapedAs(words, answer, { what: 'asking what the admin key may read', mayHaveHappened: false });
  return false;
}

/** The vendor's code is shown, since it is a word from a list; its message is not, since it can quote us. */
function badRequest(path: string, answer: HttpAnswer): KeybatonError {
  const found = vendorError.safeParse(answer.body).data?.error.code ?? '';
  const code = /^[a-z_]{1,60}$/.test(found) ? ` (${found})` : '';
  return /limit_(exceeded|reached)$|quota/.test(found)
    ? new KeybatonError(
        'CAPACITY_EXHAUSTED',
        `${path} answered 400${code}: revoke a key that nobody uses, or raise the limit`,
      )
    : new KeybatonError('INVALID_CONFIG', `${path} answered 400${code}: check the settings of the target`);
}
