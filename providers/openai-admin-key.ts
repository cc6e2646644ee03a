/**
 * OpenAI: the organization's admin keys, which open every other target there. What the vendor can and cannot do:
 * `docs/providers/openai-admin-key.md`. API: https://platform.openai.com/docs/api-reference/admin-api-keys
 */
import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { parseVersionTag, versionTag } from '../domain/version-tag.ts';
import { shapedAs } from '../outbound/answer-shape.ts';
import { httpClient, type HttpAnswer, type HttpRequest } from '../outbound/http-client.ts';
import { pathPart } from '../outbound/path-part.ts';
import type { Call, IssueRequest, Provider, Target } from './provider.ts';

const milliseconds = z.int().min(0);

export const openAiAdminKeySettings = z.strictObject({
  /** Live admin keys beyond which preflight refuses; the vendor publishes no number. */
  maxLive: z.int().min(1).optional(),
  baseUrl: z.url().default('https://api.openai.com/v1'),
  // The vendor publishes no figure for any of the four: these are on the safe side.
  createSpread: milliseconds.default(60_000),
  revokeSpread: milliseconds.default(60_000),
  lateCreate: milliseconds.default(60_000),
  usageLag: milliseconds.default(300_000),
  callTimeout: z.int().min(100).max(15_000).default(10_000),
});

export type OpenAiAdminKeySettings = z.output<typeof openAiAdminKeySettings>;

/** All admin keys belong to the organization of the key that asks; its id is nowhere told. */
const place = 'organization';
const path = '/organization/admin_api_keys';
const longestExpiry = 31_536_000;
const mostPages = 1_000;

const key = z.object({
  id: z.string().min(1),
  name: z.string().nullish(),
  redacted_value: z.string(),
  created_at: z.number(),
  last_used_at: z.number().nullish(),
});
type Key = z.output<typeof key>;
const page = z.object({ data: z.array(key), has_more: z.boolean(), last_id: z.string().nullish() });
const fresh = z.object({ id: z.string().min(1), value: z.string().min(1), expires_at: z.number().nullish() });

export function openAiAdminKey(): Provider<OpenAiAdminKeySettings> &
  Required<Pick<Provider<OpenAiAdminKeySettings>, 'issue' | 'usage'>> {
  return {
    name: 'openai-admin-key',
    settingsSchema: openAiAdminKeySettings,
    material: {
      fields: ['api_key'],
      value: 'api_key',
      pattern: /^sk-admin-(?:[\w-]{74}|[\w-]{58})T3BlbkFJ(?:[\w-]{74}|[\w-]{58})$/,
    },

    traits: ({ maxLive, createSpread, revokeSpread, lateCreate, callTimeout, usageLag }) => ({
      topology: 'n-keys',
      maxLive,
      createIdempotency: 'tag-search',
      ...{ createSpread, revokeSpread, lateCreate, callTimeout },
      // One second more: the vendor tells whole seconds.
      usage: { kind: 'timestamp', lag: usageLag + 1_000 },
      tagged: true,
      expiry: true,
    }),

    async preflight(target, request, call) {
      const api = await adminApi(target, call);
      const keys = await api.keys();
      const own = versionTag(target.installation, request.version);
      const others = keys.filter((one) => tagText(one) !== own);
      const { maxLive } = target.settings;
      if (maxLive !== undefined && others.length >= maxLive) {
        throw new KeybatonError(
          'CAPACITY_EXHAUSTED',
          `the organization holds ${others.length} admin keys and has room for ${maxLive}: revoke one that nobody uses`,
        );
      }
      return { place, live: keys.map(({ id }) => id), at: api.clock() };
    },

    async issue(target, request, call) {
      if (request.place !== place)
        throw new KeybatonError('CONFLICT', `${target.name} points elsewhere than when the rotation was planned`);
      const api = await adminApi(target, call);
      const tag = versionTag(target.installation, request.version);
      // A key of this version from an earlier call: its value was never seen, so it can only die.
      for (const one of (await api.keys()).filter((listed) => tagText(listed) === tag)) await api.remove(one.id);
      const made = await api.create({ name: tag, ...expiry(request, call) });
      return {
        ref: { id: made.id },
        material: new SecretMaterial({ api_key: made.value }, 'api_key'),
        ...(typeof made.expires_at === 'number' && { expiresAt: made.expires_at * 1_000 }),
      };
    },

    async verify({ settings }, material, call) {
      const answer = await httpClient({ baseUrl: settings.baseUrl, timeout: settings.callTimeout }).request({
        ...{ method: 'GET', path, query: { limit: 1 }, expect: [401, 403] },
        headers: { authorization: `Bearer ${material.revealValue()}` },
        ...timed(call),
      });
      // A status alone may come from anything between us and the vendor: only its own words are a verdict.
      const asked = { what: `GET ${path}`, mayHaveHappened: false };
      if (answer.status === 401 || answer.status === 403) {
        shapedAs(z.object({ error: z.object({ message: z.string() }) }), answer, asked);
        return answer.status === 401 ? 'refused' : 'forbidden';
      }
      shapedAs(page, answer, asked);
      return 'accepted';
    },

    async revoke(target, ref, call) {
      const api = await adminApi(target, call);
      if ((await api.remove(ref.id)) === 'done') return;
      // 404 alone is also what something in between answers: gone only when the list agrees.
      if (!(await api.keys()).some(({ id }) => id === ref.id)) return;
      throw new KeybatonError('UNAVAILABLE', `admin key ${ref.id} is listed and yet unknown: ask again`);
    },

    list: async (target, call) =>
      (await (await adminApi(target, call)).keys()).map((one) => {
        const tag = parseVersionTag(one.name ?? '');
        return {
          ...{ ref: { id: one.id }, ...(tag && { tag }), disabled: false, createdAt: one.created_at * 1_000 },
          hint: `${one.name ?? ''} ${one.redacted_value}`.trim(),
        };
      }),

    async usage(target, ref, call) {
      const { last_used_at: seconds } = await (await adminApi(target, call)).key(ref.id);
      if (seconds === null || seconds === undefined) return { kind: 'timestamp' };
      // The end of the second told, so that a use is never taken for an earlier one; never later than now.
      return { kind: 'timestamp', lastUsedAt: Math.max(seconds * 1_000, Math.min(seconds * 1_000 + 999, call.now())) };
    },

    killByHand: ({ settings }, ref) =>
      [
        `admin key ${ref.id}: https://platform.openai.com/settings/organization/admin-keys, or with another admin key:`,
        `printf 'header = "Authorization: Bearer %s"\\n' "$OPENAI_ADMIN_KEY" | curl -fsS -K - -X DELETE ${settings.baseUrl}${path}/${pathPart(ref.id)}`,
      ].join('\n'),
  };
}

const timed = (call: Call) => ({ signal: call.signal, deadline: call.deadline, now: () => call.now() });

function tagText({ name }: Key): string | undefined {
  const tag = parseVersionTag(name ?? '');
  return tag && versionTag(tag.installation, tag.version);
}

/** At most a year, the vendor's maximum: what was really set is in its answer. */
function expiry({ expiresAt }: IssueRequest, call: Call): { expires_in_seconds?: number } {
  if (expiresAt === undefined) return {};
  const seconds = Math.ceil((expiresAt - call.now()) / 1_000);
  if (seconds < 1) throw new KeybatonError('INVALID_CONFIG', 'an expiry must lie ahead');
  return { expires_in_seconds: Math.min(seconds, longestExpiry) };
}

async function adminApi(target: Target<OpenAiAdminKeySettings>, call: Call) {
  const { baseUrl, callTimeout } = target.settings;
  const client = httpClient({ baseUrl, timeout: callTimeout });
  const headers = { authorization: `Bearer ${(await target.admin()).revealValue()}` };
  let theirClock: number | undefined;
  const send = async (request: HttpRequest): Promise<HttpAnswer> => {
    const answer = await client.request({ ...request, headers, ...timed(call) });
    theirClock = answer.date ?? theirClock;
    return answer;
  };
  const reading = { what: 'reading admin keys', mayHaveHappened: false };

  return {
    /** The vendor's clock as its newest answer told it, else ours: epoch milliseconds. */
    clock: (): number => theirClock ?? call.now(),

    /** Every admin key of the organization, all pages. */
    async keys(): Promise<readonly Key[]> {
      const found: Key[] = [];
      let after: string | undefined;
      for (let pages = 0; pages < mostPages; pages += 1) {
        const one = shapedAs(page, await send({ method: 'GET', path, query: { limit: 100, after } }), reading);
        found.push(...one.data);
        if (!one.has_more) return found;
        after = one.last_id ?? one.data.at(-1)?.id;
        if (after === undefined) break;
      }
      throw new KeybatonError('UNAVAILABLE', 'the list of admin keys does not come to an end');
    },

    key: async (id: string): Promise<Key> =>
      shapedAs(key, await send({ method: 'GET', path: `${path}/${pathPart(id)}` }), reading),

    async create(body: object) {
      const answer = await send({ method: 'POST', path, body });
      return shapedAs(fresh, answer, { what: 'creating an admin key', mayHaveHappened: true });
    },

    async remove(id: string): Promise<'done' | 'unknown'> {
      const { status } = await send({ method: 'DELETE', path: `${path}/${pathPart(id)}`, expect: [404] });
      return status === 404 ? 'unknown' : 'done';
    },
  };
}
