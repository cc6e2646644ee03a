/**
 * Supabase: secret API keys of one project, which can be read again. What the vendor can and cannot do:
 * `docs/providers/supabase.md`. API: https://supabase.com/docs/reference/api
 */
import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { parseVersionTag, versionTag } from '../domain/version-tag.ts';
import { shapedAs } from '../outbound/answer-shape.ts';
import { failureWithoutAnswer } from '../outbound/http-failure.ts';
import { httpClient, type HttpRequest } from '../outbound/http-client.ts';
import { pathPart } from '../outbound/path-part.ts';
import type { Call, Issued, LiveCredential, Provider, Target } from './provider.ts';

const milliseconds = z.int().min(0);

export const supabaseSettings = z.strictObject({
  /** The project's reference: 20 small letters. */
  project: z.string().regex(/^[a-z]{20}$/, 'expected a project reference of 20 small letters'),
  /** Claims that a key gives its requests, such as `{ role: reporting }`; without it a secret key passes by every policy. */
  jwtTemplate: z.record(z.string(), z.unknown()).optional(),
  /** Live keys beyond which preflight refuses; the vendor publishes no number. */
  maxLive: z.int().min(1).optional(),
  baseUrl: z.url().default('https://api.supabase.com'),
  /** Where keys are used; the project's own address by default. */
  projectUrl: z.url().optional(),
  // The vendor publishes no figure for any of these: they are on the safe side.
  createSpread: milliseconds.default(60_000),
  revokeSpread: milliseconds.default(60_000),
  lateCreate: milliseconds.default(60_000),
  callTimeout: z.int().min(100).max(15_000).default(10_000),
});

export type SupabaseSettings = z.output<typeof supabaseSettings>;
type Abilities = Required<Pick<Provider<SupabaseSettings>, 'issue' | 'recover' | 'killSwitches'>>;

const key = z.object({
  id: z.string().nullish(),
  type: z.string().nullish(),
  name: z.string(),
  description: z.string().nullish(),
  api_key: z.string().nullish(),
  prefix: z.string().nullish(),
  inserted_at: z.string().nullish(),
});
type Key = z.output<typeof key>;
const legacy = z.object({ enabled: z.boolean() });

export function supabase(): Provider<SupabaseSettings> & Abilities {
  return {
    name: 'supabase',
    settingsSchema: supabaseSettings,
    material: { fields: ['api_key'], value: 'api_key', pattern: /^sb_secret_[\w-]{31}$/ },

    traits: ({ maxLive, createSpread, revokeSpread, lateCreate, callTimeout }) => ({
      topology: 'n-keys',
      maxLive,
      createIdempotency: 'value-recoverable',
      ...{ createSpread, revokeSpread, lateCreate, callTimeout },
      usage: undefined,
      tagged: true,
      expiry: false,
    }),

    advice: ({ project, jwtTemplate }) => ({
      wide:
        jwtTemplate !== undefined
          ? []
          : [
              {
                fact: 'jwtTemplate is left out: a key passes by every row-level policy',
                fix: 'write jwtTemplate: with a role that has only what its consumers need, such as { role: reporting },',
              },
            ],
      place: `project ${project}`,
    }),

    async preflight(target, request, call) {
      const api = await supabaseApi(target, call);
      const { maxLive, project } = target.settings;
      const keys = await api.keys();
      const own = versionTag(target.installation, request.version);
      const others = keys.filter((one) => tagText(one) !== own);
      if (maxLive !== undefined && others.length >= maxLive) {
        throw new KeybatonError(
          'CAPACITY_EXHAUSTED',
          `${project} holds ${others.length} keys and has room for ${maxLive}: revoke one that nobody uses`,
        );
      }
      return { place: project, live: keys.map(idOf), at: api.clock() };
    },

    async issue(target, { version, place }, call) {
      const { project, jwtTemplate } = target.settings;
      if (place !== project)
        throw new KeybatonError('CONFLICT', `${target.name} points elsewhere than when the rotation was planned`);
      const api = await supabaseApi(target, call);
      const tag = versionTag(target.installation, version);
      const earlier = (await api.keys()).find((one) => tagText(one) === tag);
      // Made by an earlier call: the vendor shows its value again.
      if (earlier !== undefined) return issued(await api.reveal(idOf(earlier)));
      const template = jwtTemplate === undefined ? {} : { secret_jwt_template: jwtTemplate };
      // A version id is a name that the vendor takes; a tag, with its colon, is not.
      return issued(await api.create({ type: 'secret', name: version, description: tag, ...template }));
    },

    async recover(target, ref, call) {
      return issued(await (await supabaseApi(target, call)).reveal(ref.id)).material;
    },

    async verify({ settings }, material, call) {
      const { project, projectUrl: baseUrl = `https://${project}.supabase.co`, callTimeout: timeout } = settings;
      const answer = await httpClient({ baseUrl, timeout }).request({
        method: 'GET',
        path: '/auth/v1/settings',
        headers: { apikey: material.revealValue() },
        expect: [401, 403],
        ...timed(call),
      });
      // A status alone may come from anything between us and the vendor: only its own words are a verdict.
      const asked = { what: 'GET /auth/v1/settings', mayHaveHappened: false };
      if (answer.status === 401 || answer.status === 403) {
        shapedAs(z.object({ message: z.string() }), answer, asked);
        return answer.status === 401 ? 'refused' : 'forbidden';
      }
      shapedAs(z.object({ disable_signup: z.boolean() }), answer, asked);
      return 'accepted';
    },

    async revoke(target, ref, call) {
      const api = await supabaseApi(target, call);
      if ((await api.remove(ref.id, call.urgent === true)) === 'done') return;
      // Its description names no answer for a key that is gone: gone only when the list agrees.
      if (!(await api.keys()).some((one) => idOf(one) === ref.id)) return;
      throw new KeybatonError('UNAVAILABLE', `key ${ref.id} is listed and yet cannot be deleted: ask again`);
    },

    list: async (target, call) => (await (await supabaseApi(target, call)).keys()).map(listed),

    killSwitches: {
      'legacy-keys': {
        kills: 'the legacy pair of the project (anon and service_role), in browsers and servers alike; no key of ours',
        undo: ({ settings: { project } }) =>
          `enable the legacy keys at https://supabase.com/dashboard/project/${project}/settings/api-keys`,
        async reach(target, call) {
          const api = await supabaseApi(target, call);
          if (!(await api.legacyKeysAreOn())) return { pulled: true, keys: [] };
          return { pulled: false, keys: (await api.keys()).filter(isLegacy).map(listed) };
        },
        pull: async (target, call) => (await supabaseApi(target, call)).switchLegacyKeysOff(),
      },
    },

    killByHand: ({ settings: { project, baseUrl } }, ref) => {
      const send = (method: string, path: string) =>
        `printf 'header = "Authorization: Bearer %s"\\n' "$SUPABASE_ACCESS_TOKEN" | curl -fsS -K - -X ${method} '${baseUrl}/v1/projects/${project}/api-keys/${path}'`;
      return [
        `key ${ref.id}: https://supabase.com/dashboard/project/${project}/settings/api-keys, or with an access token:`,
        send('DELETE', `${pathPart(ref.id)}?was_compromised=true&reason=compromised`),
        'the legacy pair (anon, service_role), both at once and reversibly:',
        send('PUT', 'legacy?enabled=false'),
      ].join('\n');
    },
  };
}

const timed = (call: Call) => ({ signal: call.signal, deadline: call.deadline, now: () => call.now() });

/** Keys of the legacy pair have no id of their own. */
const idOf = ({ id, name }: Key): string => id ?? `legacy ${name}`;

const isLegacy = ({ type }: Key): boolean => type === 'legacy';

function listed(one: Key): LiveCredential {
  const tag = parseVersionTag(one.description ?? '');
  return {
    ref: { id: idOf(one) },
    ...(tag && { tag }),
    disabled: false,
    ...(one.inserted_at && { createdAt: Date.parse(one.inserted_at) }),
    hint: `${one.name}${one.prefix ? ` ${one.prefix}...` : ''}`,
  };
}

function tagText({ description }: Key): string | undefined {
  const tag = parseVersionTag(description ?? '');
  return tag && versionTag(tag.installation, tag.version);
}

const issued = ({ id, value }: { readonly id: string; readonly value: string }): Issued => ({
  ref: { id } satisfies Ref,
  material: new SecretMaterial({ api_key: value }, 'api_key'),
});

async function supabaseApi(target: Target<SupabaseSettings>, call: Call) {
  const { baseUrl, callTimeout, project } = target.settings;
  const client = httpClient({ baseUrl, timeout: callTimeout });
  const headers = { authorization: `Bearer ${(await target.admin()).revealValue()}` };
  const path = `/v1/projects/${project}/api-keys`;
  let theirClock: number | undefined;
  const send = async (request: HttpRequest) => {
    const answer = await client.request({ ...request, headers, ...timed(call) });
    theirClock = answer.date ?? theirClock;
    return answer;
  };
  const shown = key.extend({ id: z.string().min(1), api_key: z.string().startsWith('sb_') });

  return {
    /** The vendor's clock as its newest answer told it, else ours: epoch milliseconds. */
    clock: (): number => theirClock ?? call.now(),

    /** Every key of the project, publishable and legacy ones among them. There are no pages. Values are not asked for. */
    async keys(): Promise<readonly Key[]> {
      const answer = await send({ method: 'GET', path, query: { reveal: 'false' } });
      return shapedAs(z.array(key), answer, { what: 'listing keys', mayHaveHappened: false });
    },

    async legacyKeysAreOn(): Promise<boolean> {
      const answer = await send({ method: 'GET', path: `${path}/legacy` });
      return shapedAs(legacy, answer, { what: 'reading the legacy keys', mayHaveHappened: false }).enabled;
    },

    async switchLegacyKeysOff(): Promise<void> {
      const answer = await send({ method: 'PUT', path: `${path}/legacy`, query: { enabled: 'false' } });
      const asked = { what: 'switching the legacy keys off', mayHaveHappened: true };
      if (shapedAs(legacy, answer, asked).enabled) throw failureWithoutAnswer('did not say that they are off', asked);
    },

    /** NOT_FOUND when it is gone. */
    async reveal(id: string) {
      const answer = await send({
        method: 'GET',
        path: `${path}/${pathPart(id)}`,
        query: { reveal: 'true' },
        expect: [400],
      });
      if (answer.status === 400) throw new KeybatonError('NOT_FOUND', `key ${id} is gone`);
      const found = shapedAs(shown, answer, { what: 'reading a key', mayHaveHappened: false });
      return { id: found.id, value: found.api_key };
    },

    async create(body: object) {
      const answer = await send({ method: 'POST', path, query: { reveal: 'true' }, body });
      const made = shapedAs(shown, answer, { what: 'creating a key', mayHaveHappened: true });
      return { id: made.id, value: made.api_key };
    },

    /** The vendor keeps why: a key that leaked is marked as such. */
    async remove(id: string, compromised: boolean): Promise<'done' | 'refused'> {
      const query = { was_compromised: String(compromised), reason: compromised ? 'compromised' : 'rotated' };
      const answer = await send({ method: 'DELETE', path: `${path}/${pathPart(id)}`, query, expect: [400, 404] });
      return answer.status === 400 || answer.status === 404 ? 'refused' : 'done';
    },
  };
}
