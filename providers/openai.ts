/** OpenAI: keys of service accounts in one project. What the vendor can and cannot do: `docs/providers/openai.md`. */
import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { versionTag } from '../domain/version-tag.ts';
import { shapedAs } from '../outbound/answer-shape.ts';
import { httpClient } from '../outbound/http-client.ts';
import { pathPart } from '../outbound/path-part.ts';
import { openAiApi, type FreshKey, type OpenAiApi } from './openai/api.ts';
import { isTagged, kill, listed, refOf } from './openai/keys.ts';
import { openAiSettings, type OpenAiSettings } from './openai/settings.ts';
import type { Call, Issued, IssueRequest, Provider } from './provider.ts';

const longestExpiry = 31_536_000;

export function openAi(): Provider<OpenAiSettings> &
  Required<Pick<Provider<OpenAiSettings>, 'issue' | 'usage' | 'extend'>> {
  return {
    name: 'openai',
    settingsSchema: openAiSettings,
    material: {
      fields: ['api_key'],
      value: 'api_key',
      pattern:
        /^sk-(?:(?:proj|svcacct)-(?:[\w-]{74}|[\w-]{58})T3BlbkFJ(?:[\w-]{74}|[\w-]{58})|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})$/,
    },

    traits: (settings) => ({
      topology: 'n-keys',
      maxLive: settings.maxLive,
      createIdempotency: 'tag-search',
      createSpread: settings.createSpread,
      revokeSpread: settings.revokeSpread,
      lateCreate: settings.lateCreate,
      callTimeout: settings.callTimeout,
      // One second more: the vendor tells whole seconds.
      usage: { kind: 'timestamp', lag: settings.usageLag + 1_000 },
      tagged: true,
      expiry: true,
    }),

    advice: ({ project, scopes }) => ({
      keyless: {
        by: 'workload identity federation: a token of their identity provider, exchanged for a short-lived one',
        page: 'https://developers.openai.com/api/docs/guides/workload-identity-federation',
      },
      wide:
        scopes.length > 0
          ? []
          : [
              {
                fact: 'scopes is empty: a key may do all that its service account may',
                fix: 'write scopes: with what its consumers call, such as [api.responses.write],',
              },
            ],
      place: `project ${project}`,
    }),

    async preflight(target, request, call) {
      const api = await openAiApi(target, call);
      const { serviceAccount, maxLive } = target.settings;
      if (serviceAccount !== undefined) await api.account(serviceAccount);
      const keys = await api.keys();
      const own = versionTag(target.installation, request.version);
      const others = keys.filter((key) => !isTagged(key, own));
      if (maxLive !== undefined && others.length >= maxLive) {
        throw new KeybatonError(
          'CAPACITY_EXHAUSTED',
          `${target.settings.project} holds ${others.length} keys and has room for ${maxLive}: revoke one that nobody uses`,
        );
      }
      return { place: placeOf(target.settings), live: keys.map((key) => key.id), at: api.clock() };
    },

    async issue(target, request, call) {
      if (request.place !== placeOf(target.settings)) {
        throw new KeybatonError('CONFLICT', `${target.name} points elsewhere than when the rotation was planned`);
      }
      const api = await openAiApi(target, call);
      const tag = versionTag(target.installation, request.version);
      // A key of this version from an earlier call: its value was never seen, so it can only die.
      for (const key of (await api.keys()).filter((one) => isTagged(one, tag)))
        await kill(api, target, refOf(key), call);
      const { key, parent } = await create(api, target.settings, tag, expirySeconds(request, call));
      return issued(key, parent);
    },

    async verify(target, material, call) {
      const client = httpClient({ baseUrl: target.settings.baseUrl, timeout: target.settings.callTimeout });
      const answer = await client.request({
        method: 'GET',
        path: '/models',
        headers: { authorization: `Bearer ${material.revealValue()}` },
        expect: [401, 403],
        signal: call.signal,
        deadline: call.deadline,
        now: () => call.now(),
      });
      // A status alone may come from anything between us and the vendor: only its own words are a verdict.
      const asked = { what: 'GET /models', mayHaveHappened: false };
      if (answer.status === 401 || answer.status === 403) {
        shapedAs(z.object({ error: z.object({ message: z.string() }) }), answer, asked);
        return answer.status === 401 ? 'refused' : 'forbidden';
      }
      shapedAs(z.object({ object: z.literal('list'), data: z.array(z.unknown()) }), answer, asked);
      return 'accepted';
    },

    async revoke(target, ref, call) {
      await kill(await openAiApi(target, call), target, ref, call);
    },

    list: async (target, call) => (await (await openAiApi(target, call)).keys()).map(listed),

    async usage(target, ref, call) {
      const { last_used_at: seconds } = await (await openAiApi(target, call)).key(ref.id);
      if (seconds === null || seconds === undefined) return { kind: 'timestamp' };
      // The end of the second told, so that a use is never taken for an earlier one; never later than now.
      return { kind: 'timestamp', lastUsedAt: Math.max(seconds * 1_000, Math.min(seconds * 1_000 + 999, call.now())) };
    },

    async extend(target, ref, expiresAt, call) {
      await (await openAiApi(target, call)).moveExpiry(ref.id, secondsUntil(expiresAt, call));
    },

    async excess(target, call) {
      const api = await openAiApi(target, call);
      const more = [
        ...((await api.readsAdminKeys()) ? ['it administers the admin keys of the whole organization'] : []),
        ...((await api.readsOtherProjects()) ? [`it sees more projects than ${target.settings.project}`] : []),
      ];
      if (more.length > 0) return more;
      throw new KeybatonError('UNSUPPORTED', 'it may read nothing else; OpenAI does not tell what else it may write');
    },

    killByHand: ({ settings }, ref) => {
      const project = `${settings.baseUrl}/organization/projects/${settings.project}`;
      const remove = (path: string) =>
        `printf 'header = "Authorization: Bearer %s"\\n' "$OPENAI_ADMIN_KEY" | curl -fsS -K - -X DELETE ${project}/${path}`;
      return [
        `key ${ref.id} of project ${settings.project}: https://platform.openai.com/settings/organization/api-keys, or with an admin key:`,
        remove(`api_keys/${pathPart(ref.id)}`),
        ...(ref.parent === undefined
          ? []
          : [
              'if that answers 400, delete its service account, which kills every key of it:',
              remove(`service_accounts/${pathPart(ref.parent)}`),
            ]),
      ].join('\n');
    },
  };
}

/** The one call that mints. Where scopes are asked for, the key has them from its first instant, so the account comes first. */
async function create(
  api: OpenAiApi,
  settings: OpenAiSettings,
  tag: string,
  expiry: object,
): Promise<{ key: FreshKey; parent: string }> {
  const { serviceAccount, scopes } = settings;
  const body = { name: tag, ...(scopes.length > 0 && { scopes }), ...expiry };
  if (serviceAccount !== undefined) return { key: await api.createKey(serviceAccount, body), parent: serviceAccount };
  if (scopes.length === 0) {
    const account = await api.createAccountWithKey(tag, expiry);
    return { key: account.api_key, parent: account.id };
  }
  const account = await api.createAccountAlone(tag);
  try {
    await api.giveMembership(account.id);
    return { key: await api.createKey(account.id, body), parent: account.id };
  } catch (error) {
    // Made by this very call and of use to nobody now. What went wrong first is what matters; an account alone is no credential.
    await api.deleteAccount(account.id).catch(() => undefined);
    throw error;
  }
}

const placeOf = ({ project, serviceAccount }: OpenAiSettings): string =>
  serviceAccount === undefined ? project : `${project}/${serviceAccount}`;

function issued(key: FreshKey, parent: string): Issued {
  return {
    ref: { id: key.id, parent },
    material: new SecretMaterial({ api_key: key.value }, 'api_key'),
    ...(typeof key.expires_at === 'number' && { expiresAt: key.expires_at * 1_000 }),
  };
}

const expirySeconds = ({ expiresAt }: IssueRequest, call: Call): object =>
  expiresAt === undefined ? {} : { expires_in_seconds: secondsUntil(expiresAt, call) };

/** At most a year, the vendor's maximum: what was really set is in its answer. */
function secondsUntil(expiresAt: number, call: Call): number {
  const seconds = Math.ceil((expiresAt - call.now()) / 1_000);
  if (seconds < 1) throw new KeybatonError('INVALID_CONFIG', 'an expiry must lie ahead');
  return Math.min(seconds, longestExpiry);
}
