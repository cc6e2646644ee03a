/**
 * OpenRouter: keys of one workspace, each with a limit in dollars. What the vendor can and cannot do:
 * `docs/providers/openrouter.md`. API: https://openrouter.ai/docs/api-reference/api-keys
 */
import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { parseVersionTag, versionTag } from '../domain/version-tag.ts';
import { shapedAs } from '../outbound/answer-shape.ts';
import { httpClient, type HttpRequest } from '../outbound/http-client.ts';
import { pathPart } from '../outbound/path-part.ts';
import type { Call, Provider, Target } from './provider.ts';

const milliseconds = z.int().min(0);

export const openRouterSettings = z.strictObject({
  /** Without it: the workspace that the management key calls its own. */
  workspace: z.uuid().optional(),
  /** Dollars that a key may spend, in all or in each period of `reset`. `null` says openly that nothing limits it. */
  limit: z.number().positive().nullable(),
  reset: z.enum(['daily', 'weekly', 'monthly']).optional(),
  /** Live keys in the workspace beyond which preflight refuses; the vendor publishes no number. */
  maxLive: z.int().min(1).optional(),
  baseUrl: z.url().default('https://openrouter.ai/api/v1'),
  // The vendor publishes no figure for any of these: they are on the safe side.
  createSpread: milliseconds.default(60_000),
  revokeSpread: milliseconds.default(60_000),
  lateCreate: milliseconds.default(60_000),
  usageLag: milliseconds.default(300_000),
  callTimeout: z.int().min(100).max(15_000).default(10_000),
});

export type OpenRouterSettings = z.output<typeof openRouterSettings>;
type Abilities = Required<Pick<Provider<OpenRouterSettings>, 'issue' | 'suspend' | 'resume' | 'usage'>>;

const key = z.object({
  hash: z.string().min(1),
  name: z.string(),
  label: z.string(),
  disabled: z.boolean(),
  usage: z.number(),
  created_at: z.string(),
  expires_at: z.string().nullish(),
});
type Key = z.output<typeof key>;

const mostPages = 1_000;
const pageSize = 100;

export function openRouter(): Provider<OpenRouterSettings> & Abilities {
  return {
    name: 'openrouter',
    settingsSchema: openRouterSettings,
    material: { fields: ['api_key'], value: 'api_key', pattern: /^sk-or-v1-[0-9a-f]{64}$/ },

    traits: ({ maxLive, createSpread, revokeSpread, lateCreate, usageLag, callTimeout }) => ({
      topology: 'n-keys',
      maxLive,
      createIdempotency: 'tag-search',
      ...{ createSpread, revokeSpread, lateCreate, callTimeout },
      // What a key has spent: a call that costs nothing moves it not.
      usage: { kind: 'counter', lag: usageLag },
      tagged: true,
      expiry: true,
    }),

    // Workload identity federation (by request) acts as an API key that stays: it takes no key out of the world.
    advice: ({ limit, workspace }) => ({
      unlimited:
        limit !== null
          ? []
          : [
              {
                fact: 'limit is null: a key may spend all the money of its workspace',
                fix: 'write limit: with the dollars that it may spend, and reset: daily, weekly or monthly,',
              },
            ],
      ...(workspace !== undefined && { place: `workspace ${workspace}` }),
    }),

    async preflight(target, request, call) {
      const api = await openRouterApi(target, call);
      const { maxLive, workspace } = target.settings;
      const keys = await api.keys();
      const own = versionTag(target.installation, request.version);
      const others = keys.filter((one) => tagText(one) !== own);
      if (maxLive !== undefined && others.length >= maxLive) {
        throw new KeybatonError(
          'CAPACITY_EXHAUSTED',
          `${target.name} holds ${others.length} keys and has room for ${maxLive}: revoke one that nobody uses`,
        );
      }
      return { place: workspace ?? 'own workspace', live: keys.map(({ hash }) => hash), at: api.clock() };
    },

    async issue(target, { version, place, expiresAt }, call) {
      const { workspace, limit, reset } = target.settings;
      if (place !== (workspace ?? 'own workspace'))
        throw new KeybatonError('CONFLICT', `${target.name} points elsewhere than when the rotation was planned`);
      const api = await openRouterApi(target, call);
      const tag = versionTag(target.installation, version);
      // A key of this version from an earlier call: its value was never seen, so it can only die.
      for (const one of (await api.keys()).filter((listed) => tagText(listed) === tag)) await api.remove(one.hash);
      const made = await api.create({
        name: tag,
        limit,
        ...(reset !== undefined && { limit_reset: reset }),
        ...(workspace !== undefined && { workspace_id: workspace }),
        ...(expiresAt !== undefined && { expires_at: new Date(expiresAt).toISOString() }),
      });
      return {
        ref: { id: made.data.hash },
        material: new SecretMaterial({ api_key: made.key }, 'api_key'),
        ...(made.data.expires_at && { expiresAt: Date.parse(made.data.expires_at) }),
      };
    },

    async verify({ settings }, material, call) {
      const client = httpClient({ baseUrl: settings.baseUrl, timeout: settings.callTimeout });
      const answer = await client.request({
        method: 'GET',
        path: '/key',
        headers: { authorization: `Bearer ${material.revealValue()}` },
        expect: [401, 403],
        ...timed(call),
      });
      // A status alone may come from anything between us and the vendor: only its own words are a verdict.
      const asked = { what: 'GET /key', mayHaveHappened: false };
      if (answer.status === 401 || answer.status === 403) {
        shapedAs(z.object({ error: z.object({ code: z.literal(answer.status), message: z.string() }) }), answer, asked);
        return answer.status === 401 ? 'refused' : 'forbidden';
      }
      shapedAs(z.object({ data: z.object({ label: z.string() }) }), answer, asked);
      return 'accepted';
    },

    async suspend(target, ref, call) {
      const api = await openRouterApi(target, call);
      if ((await api.disable(ref.id, true)) === 'unknown') await sureGone(api, ref);
    },

    async resume(target, ref, call) {
      const api = await openRouterApi(target, call);
      if ((await api.disable(ref.id, false)) === 'done') return;
      await sureGone(api, ref);
      throw new KeybatonError('NOT_FOUND', `key ${ref.id} is gone`);
    },

    async revoke(target, ref, call) {
      const api = await openRouterApi(target, call);
      if ((await api.remove(ref.id)) === 'unknown') await sureGone(api, ref);
    },

    list: async (target, call) =>
      (await (await openRouterApi(target, call)).keys()).map((one) => {
        const tag = parseVersionTag(one.name);
        return {
          ref: { id: one.hash },
          ...(tag && { tag }),
          disabled: one.disabled,
          createdAt: Date.parse(one.created_at),
          hint: `${one.name} ${one.label}`,
        };
      }),

    async usage(target, ref, call) {
      return { kind: 'counter', count: (await (await openRouterApi(target, call)).key(ref.id)).usage };
    },

    killByHand: ({ settings }, ref) =>
      [
        `key ${ref.id}: https://openrouter.ai/settings/keys, or with a management key:`,
        `printf 'header = "Authorization: Bearer %s"\\n' "$OPENROUTER_MANAGEMENT_KEY" | curl -fsS -K - -X DELETE ${settings.baseUrl}/keys/${pathPart(ref.id)}`,
      ].join('\n'),
  };
}

const timed = (call: Call) => ({ signal: call.signal, deadline: call.deadline, now: () => call.now() });

function tagText({ name }: Key): string | undefined {
  const tag = parseVersionTag(name);
  return tag && versionTag(tag.installation, tag.version);
}

type OpenRouterApi = Awaited<ReturnType<typeof openRouterApi>>;

async function openRouterApi(target: Target<OpenRouterSettings>, call: Call) {
  const { baseUrl, callTimeout, workspace } = target.settings;
  const client = httpClient({ baseUrl, timeout: callTimeout });
  const headers = { authorization: `Bearer ${(await target.admin()).revealValue()}` };
  let theirClock: number | undefined;
  const send = async (request: HttpRequest) => {
    const answer = await client.request({ ...request, headers, ...timed(call) });
    theirClock = answer.date ?? theirClock;
    return answer;
  };
  const one = (id: string): string => `/keys/${pathPart(id)}`;

  return {
    /** The vendor's clock as its newest answer told it, else ours: epoch milliseconds. */
    clock: (): number => theirClock ?? call.now(),

    /** Every key of the workspace, disabled ones among them, all pages. */
    async keys(): Promise<readonly Key[]> {
      const found = new Map<string, Key>();
      for (let page = 0; page < mostPages; page += 1) {
        const query = { offset: page * pageSize, include_disabled: 'true', workspace_id: workspace };
        const answer = await send({ method: 'GET', path: '/keys', query });
        const { data } = shapedAs(z.object({ data: z.array(key) }), answer, {
          what: 'listing keys',
          mayHaveHappened: false,
        });
        for (const listed of data) found.set(listed.hash, listed);
        if (data.length < pageSize) return [...found.values()];
      }
      throw new KeybatonError('UNAVAILABLE', `the list of keys of ${target.name} does not come to an end`);
    },

    async key(id: string): Promise<Key> {
      const answer = await send({ method: 'GET', path: one(id) });
      return shapedAs(z.object({ data: key }), answer, { what: 'reading a key', mayHaveHappened: false }).data;
    },

    async create(body: object) {
      const answer = await send({ method: 'POST', path: '/keys', body });
      const made = z.object({ data: key, key: z.string().min(1) });
      return shapedAs(made, answer, { what: 'creating a key', mayHaveHappened: true });
    },

    async disable(id: string, disabled: boolean): Promise<'done' | 'unknown'> {
      const answer = await send({ method: 'PATCH', path: one(id), body: { disabled }, expect: [404] });
      return answer.status === 404 ? 'unknown' : 'done';
    },

    async remove(id: string): Promise<'done' | 'unknown'> {
      const answer = await send({ method: 'DELETE', path: one(id), expect: [404] });
      return answer.status === 404 ? 'unknown' : 'done';
    },
  };
}

/** 404 alone is also what a wrong workspace answers: gone only when the list agrees. */
async function sureGone(api: OpenRouterApi, ref: Ref): Promise<void> {
  if (!(await api.keys()).some(({ hash }) => hash === ref.id)) return;
  throw new KeybatonError('UNAVAILABLE', `key ${ref.id} is listed and yet unknown: ask again`);
}
