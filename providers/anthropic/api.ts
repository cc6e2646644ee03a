/** Anthropic's Admin API, as much of it as keys need: one function per endpoint, one request each. */
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { shapedAs } from '../../outbound/answer-shape.ts';
import { httpClient, type HttpAnswer, type HttpRequest } from '../../outbound/http-client.ts';
import { pathPart } from '../../outbound/path-part.ts';
import type { Call, Target } from '../provider.ts';
import { version, type AnthropicSettings } from './settings.ts';

const key = z.object({
  id: z.string().min(1),
  name: z.string(),
  status: z.enum(['active', 'inactive', 'archived', 'expired']),
  partial_key_hint: z.string().nullish(),
  created_at: z.string(),
  expires_at: z.string().nullish(),
});
const page = z.object({ data: z.array(key), has_more: z.boolean(), last_id: z.string().nullish() });
const vendorError = z.object({ error: z.object({ details: z.object({ error_code: z.string() }) }) });

export type ListedKey = z.output<typeof key>;
export type AnthropicApi = Awaited<ReturnType<typeof anthropicApi>>;

const keysPath = '/v1/organizations/api_keys';
const limitCodes = ['org_api_key_limit_exceeded', 'workspace_api_key_limit_exceeded'];
const mostPages = 1_000;

export async function anthropicApi(target: Target<AnthropicSettings>, call: Call) {
  const { settings } = target;
  const client = httpClient({
    baseUrl: settings.baseUrl,
    timeout: settings.callTimeout,
    headers: { 'anthropic-version': version },
  });
  const headers = { 'x-api-key': (await target.admin()).revealValue() };
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
  const keyPath = (id: string) => `${keysPath}/${pathPart(id)}`;

  return {
    /** The vendor's clock as its newest answer told it, else ours: epoch milliseconds. */
    clock: (): number => theirClock ?? call.now(),

    /** Every key, dead ones among them, all pages. */
    async keys(): Promise<readonly ListedKey[]> {
      const found: ListedKey[] = [];
      let after: string | undefined;
      for (let pages = 0; pages < mostPages; pages += 1) {
        const query = { limit: 100, workspace_id: settings.workspace, after_id: after };
        const answer = await send({ method: 'GET', path: keysPath, query });
        const one = shapedAs(page, answer, { what: `reading ${keysPath}`, mayHaveHappened: false });
        found.push(...one.data);
        if (!one.has_more) return found;
        after = one.last_id ?? one.data.at(-1)?.id;
        if (after === undefined) break;
      }
      throw new KeybatonError('UNAVAILABLE', `the list of keys of ${target.name} does not come to an end`);
    },

    /** Undefined: the vendor says that there is no such key. */
    async key(id: string): Promise<ListedKey | undefined> {
      const answer = await send({ method: 'GET', path: keyPath(id), expect: [404] });
      if (answer.status === 404) return undefined;
      return shapedAs(key, answer, { what: `reading ${keyPath(id)}`, mayHaveHappened: false });
    },

    async update(
      id: string,
      change: { readonly name?: string; readonly status?: 'active' | 'inactive' },
    ): Promise<void> {
      const answer = await send({ method: 'POST', path: keyPath(id), body: change, expect: [400] });
      if (answer.status !== 400) return;
      const code = vendorError.safeParse(answer.body).data?.error.details.error_code ?? '';
      throw limitCodes.includes(code)
        ? new KeybatonError(
            'CAPACITY_EXHAUSTED',
            `${keyPath(id)} answered 400 (${code}): archive a key that nobody uses`,
          )
        : new KeybatonError('INVALID_CONFIG', `${keyPath(id)} answered 400: look at this key in the console`);
    },

    /** For ever. `refused`: 400 or 404, of which only the list can tell what it means. */
    async archive(id: string): Promise<'archived' | 'refused'> {
      const answer = await send({
        method: 'POST',
        path: keyPath(id),
        body: { status: 'archived' },
        expect: [400, 404],
      });
      return answer.status === 400 || answer.status === 404 ? 'refused' : 'archived';
    },
  };
}
