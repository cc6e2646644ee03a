/**
 * Anthropic: the operator makes the key in the Console, all else is done here. What the vendor can and cannot do:
 * `docs/providers/anthropic.md`. API: https://platform.claude.com/docs/en/api/organization/api_keys
 */
import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import { parseVersionTag, versionTag } from '../domain/version-tag.ts';
import { shapedAs } from '../outbound/answer-shape.ts';
import { httpClient } from '../outbound/http-client.ts';
import { pathPart } from '../outbound/path-part.ts';
import { anthropicApi, type AnthropicApi, type ListedKey } from './anthropic/api.ts';
import { anthropicSettings, version, type AnthropicSettings } from './anthropic/settings.ts';
import type { ExamineRequest, LiveCredential, Provider, Target } from './provider.ts';

type Abilities = Required<
  Pick<Provider<AnthropicSettings>, 'adopt' | 'examine' | 'suspend' | 'resume' | 'supplySteps'>
>;

export function anthropic(): Provider<AnthropicSettings> & Abilities {
  return {
    name: 'anthropic',
    settingsSchema: anthropicSettings,
    material: { fields: ['api_key'], value: 'api_key', pattern: /^sk-ant-api03-[A-Za-z0-9_-]{93}AA$/ },

    traits: (settings) => ({
      topology: 'operator-supplied',
      maxLive: settings.maxLive,
      createIdempotency: 'tag-search',
      createSpread: settings.createSpread,
      revokeSpread: settings.revokeSpread,
      // Nothing is created by us, so nothing can appear late.
      lateCreate: 0,
      callTimeout: settings.callTimeout,
      // The vendor has a usage report by key, but says neither how late nor how complete it is: no proof of silence.
      usage: undefined,
      tagged: true,
      expiry: false,
    }),

    advice: ({ workspace }) => ({
      keyless: {
        by: 'workload identity federation: a token of their identity provider, exchanged for one of a service account',
        page: 'https://platform.claude.com/docs/en/manage-claude/workload-identity-federation',
      },
      endByHand: 'set an expiration in the Console where the new key is made',
      ...(workspace !== undefined && { place: `workspace ${workspace}` }),
    }),

    async preflight(target, _request, call) {
      const { maxLive, workspace } = target.settings;
      const api = await anthropicApi(target, call);
      const keys = (await api.keys()).filter(isAlive);
      const active = keys.filter((key) => key.status === 'active');
      if (maxLive !== undefined && active.length >= maxLive) {
        throw new KeybatonError(
          'CAPACITY_EXHAUSTED',
          `${target.name} has ${active.length} active keys and room for ${maxLive}: archive one that nobody uses`,
        );
      }
      return { place: workspace ?? 'organization', live: keys.map((key) => key.id), at: api.clock() };
    },

    async examine(target, request, call) {
      await matching(target, await anthropicApi(target, call), request);
    },

    async adopt(target, request, call) {
      const api = await anthropicApi(target, call);
      const match = await matching(target, api, request);
      if (tagText(match) === undefined) {
        const tag = versionTag(target.installation, request.version);
        await api.update(match.id, { name: `${tag} ${match.name}`.slice(0, longestName) });
      }
      return {
        ref: { id: match.id },
        material: request.material,
        ...(match.expires_at && { expiresAt: Date.parse(match.expires_at) }),
      };
    },

    async verify(target, material, call) {
      const client = httpClient({ baseUrl: target.settings.baseUrl, timeout: target.settings.callTimeout });
      const answer = await client.request({
        method: 'GET',
        path: '/v1/models',
        headers: { 'x-api-key': material.revealValue(), 'anthropic-version': version },
        expect: [401, 403],
        signal: call.signal,
        deadline: call.deadline,
        now: () => call.now(),
      });
      // A status alone may come from anything between us and the vendor: only its own words are a verdict.
      const asked = { what: 'GET /v1/models', mayHaveHappened: false };
      if (answer.status === 401 || answer.status === 403) {
        shapedAs(z.object({ type: z.literal('error'), error: z.object({ type: z.string() }) }), answer, asked);
        return answer.status === 401 ? 'refused' : 'forbidden';
      }
      shapedAs(z.object({ data: z.array(z.unknown()), has_more: z.boolean() }), answer, asked);
      return 'accepted';
    },

    async suspend(target, ref, call) {
      const api = await anthropicApi(target, call);
      // Never sent to an archived key: nobody says that it could not bring one back.
      if ((await api.key(ref.id))?.status === 'active') await api.update(ref.id, { status: 'inactive' });
    },

    async resume(target, ref, call) {
      const api = await anthropicApi(target, call);
      const key = await api.key(ref.id);
      if (key === undefined || !isAlive(key))
        throw new KeybatonError('NOT_FOUND', `key ${ref.id} is archived, expired or gone`);
      if (key.status === 'inactive') await api.update(ref.id, { status: 'active' });
    },

    async revoke(target, ref, call) {
      const api = await anthropicApi(target, call);
      if ((await api.archive(ref.id)) === 'archived') return;
      // Not archived by this call: fine if it was already, or is not there, and the list says so too.
      if (!(await api.keys()).some((key) => key.id === ref.id && isAlive(key))) return;
      throw new KeybatonError('UNAVAILABLE', `key ${ref.id} is listed as alive and cannot be archived: ask again`);
    },

    list: async (target, call) => (await (await anthropicApi(target, call)).keys()).filter(isAlive).map(listed),

    supplySteps: ({ name, settings }) =>
      [
        `sign in at https://platform.claude.com/settings/keys, in the organization of target ${name}`,
        `make a service account key in ${settings.workspace === undefined ? 'the workspace of the application' : `workspace ${settings.workspace}`}, and copy it once`,
        'hand it over with keybaton supply; keep no copy',
      ].join('; '),

    killByHand: ({ settings }, ref) =>
      [
        `key ${ref.id}: https://platform.claude.com/settings/keys, or with an admin key:`,
        `printf 'header = "x-api-key: %s"\\n' "$ANTHROPIC_ADMIN_KEY" | curl -fsS -K - -H 'anthropic-version: ${version}' \\`,
        `  -H 'content-type: application/json' -d '{"status":"archived"}' ${settings.baseUrl}/v1/organizations/api_keys/${pathPart(ref.id)}`,
      ].join('\n'),
  };
}

/** The one active key that the value can belong to, and that is nobody's or this version's already. */
async function matching(
  target: Target<AnthropicSettings>,
  api: AnthropicApi,
  { version: id, material, known }: ExamineRequest,
): Promise<ListedKey> {
  const tag = id === undefined ? undefined : versionTag(target.installation, id);
  const value = material.revealValue();
  const matches = (await api.keys()).filter(
    (key) =>
      key.status === 'active' &&
      hintFits(key.partial_key_hint, value) &&
      !known.some((ref) => ref.id === key.id) &&
      [undefined, tag].includes(tagText(key)),
  );
  const [match, ...more] = matches;
  if (match !== undefined && more.length === 0) return match;
  throw new KeybatonError(
    'VERIFICATION_FAILED',
    `${matches.length} active keys of ${target.name} that are nobody's yet look like what was supplied, and it must be exactly one: ` +
      'make the key in the organization and workspace of this target, and supply a key for one credential only',
  );
}

const longestName = 500;

/** Inactive is disabled and can come back; archived and expired cannot. */
const isAlive = (key: ListedKey): boolean => key.status === 'active' || key.status === 'inactive';

function tagText(key: ListedKey): string | undefined {
  const tag = parseVersionTag(key.name);
  return tag && versionTag(tag.installation, tag.version);
}

/** `sk-ant-api03-R2D...igAA`: both ends must fit, and the beginning must be more than what every key begins with. */
function hintFits(hint: string | null | undefined, value: string): boolean {
  const [, start, end] = /^(sk-ant-api03-[\w-]+)(?:\.{3}|…)([\w-]{3,})$/.exec(hint ?? '') ?? [];
  return start !== undefined && end !== undefined && value.startsWith(start) && value.endsWith(end);
}

function listed(key: ListedKey): LiveCredential {
  const tag = parseVersionTag(key.name);
  return {
    ref: { id: key.id },
    ...(tag && { tag }),
    disabled: key.status === 'inactive',
    createdAt: Date.parse(key.created_at),
    hint: `${key.name} ${key.partial_key_hint ?? ''}`.trim(),
  };
}
