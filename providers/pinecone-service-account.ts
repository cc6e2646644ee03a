/**
 * Pinecone: service accounts of an organization, which open every other target there: one account for each version. What the
 * vendor can and cannot do: `docs/providers/pinecone-service-account.md`.
 * API: https://docs.pinecone.io/reference/api/2026-04/admin/create_service_account
 */
import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { parseVersionTag, versionTag } from '../domain/version-tag.ts';
import { shapedAs } from '../outbound/answer-shape.ts';
import { httpClient, type HttpAnswer, type HttpRequest } from '../outbound/http-client.ts';
import { pathPart } from '../outbound/path-part.ts';
import type { Call, Provider, Target } from './provider.ts';

const milliseconds = z.int().min(0);
const role = z.string().regex(/^[A-Za-z]{1,60}$/, 'expected the name of a role such as ProjectEditor');

export const pineconeServiceAccountSettings = z.strictObject({
  /** What an account may do in the whole organization. */
  organizationRoles: z.array(role).default([]),
  /** What an account may do in one project, by its id. */
  projectRoles: z.record(z.uuid(), z.array(role).min(1)).default({}),
  /** Service accounts beyond which preflight refuses; the vendor publishes no number. */
  maxLive: z.int().min(1).optional(),
  adminUrl: z.url().default('https://api.pinecone.io'),
  loginUrl: z.url().default('https://login.pinecone.io'),
  // The vendor publishes a figure for none of these but the last ("within a few seconds"): they are on the safe side.
  createSpread: milliseconds.default(60_000),
  lateCreate: milliseconds.default(60_000),
  revokeSpread: milliseconds.default(60_000),
  callTimeout: z.int().min(100).max(15_000).default(10_000),
});

export type PineconeServiceAccountSettings = z.output<typeof pineconeServiceAccountSettings>;
type Settings = PineconeServiceAccountSettings;

const version = '2026-04';
/** All accounts belong to the organization of the account that asks; its id is nowhere told. */
const place = 'organization';
const path = '/admin/service-accounts';
const mostPages = 1_000;

const account = z.object({ id: z.string().min(1), name: z.string(), client_id: z.string(), created_at: z.string() });
type Account = z.output<typeof account>;
const page = z.object({ data: z.array(account), pagination: z.object({ next: z.string().nullish() }).nullish() });

export function pineconeServiceAccount(): Provider<Settings> & Required<Pick<Provider<Settings>, 'issue'>> {
  return {
    name: 'pinecone-service-account',
    settingsSchema: pineconeServiceAccountSettings,
    material: { fields: ['client_id', 'client_secret'], value: 'client_secret' },

    traits: ({ maxLive, createSpread, revokeSpread, lateCreate, callTimeout }) => ({
      topology: 'n-keys',
      maxLive,
      createIdempotency: 'tag-search',
      // A sign-in is a call of its own before the one that is asked for.
      ...{ createSpread, revokeSpread, lateCreate, callTimeout },
      usage: undefined,
      tagged: true,
      expiry: false,
    }),

    async preflight(target, request, call) {
      bindingsOf(target.settings);
      const api = await adminApi(target, call);
      const accounts = await api.accounts();
      const own = versionTag(target.installation, request.version);
      const others = accounts.filter((one) => tagText(one) !== own);
      const { maxLive } = target.settings;
      if (maxLive !== undefined && others.length >= maxLive) {
        throw new KeybatonError(
          'CAPACITY_EXHAUSTED',
          `the organization holds ${others.length} service accounts and has room for ${maxLive}: delete one that nobody uses`,
        );
      }
      return { place, live: accounts.map(({ id }) => id), at: api.clock() };
    },

    async issue(target, request, call) {
      if (request.place !== place)
        throw new KeybatonError('CONFLICT', `${target.name} points elsewhere than when the rotation was planned`);
      const api = await adminApi(target, call);
      const tag = versionTag(target.installation, request.version);
      // An account of this version from an earlier call: its secret was never seen, so it can only die.
      for (const one of (await api.accounts()).filter((listed) => tagText(listed) === tag)) await api.remove(one.id);
      const made = await api.create({ name: tag, role_bindings: bindingsOf(target.settings) });
      const { id, client_id } = made.service_account;
      return { ref: { id }, material: new SecretMaterial({ client_id, client_secret: made.secret }, 'client_secret') };
    },

    async verify(target, material, call) {
      const answer = await signIn(target.settings, material, call, [401, 403]);
      // A status alone may come from anything between us and the vendor: only its own words are a verdict.
      const asked = { what: 'signing in', mayHaveHappened: false };
      if (answer.status === 401 || answer.status === 403) {
        const said = shapedAs(z.object({ error: z.string() }), answer, asked);
        if (said.error === 'access_denied' || said.error === 'invalid_client') return 'refused';
        throw new KeybatonError('UNAVAILABLE', `the sign-in answered ${answer.status}, which is no verdict: ask again`);
      }
      const client = clientOf(target.settings);
      const headers = { authorization: `Bearer ${tokenIn(answer)}` };
      const used = await client.request({
        method: 'GET',
        path: '/admin/projects',
        headers,
        expect: [403],
        ...timed(call),
      });
      if (used.status !== 403) return 'accepted';
      const words = z.object({ error: z.object({ code: z.string() }), status: z.literal(403) });
      shapedAs(words, used, { what: 'GET /admin/projects', mayHaveHappened: false });
      return 'forbidden';
    },

    async revoke(target, ref, call) {
      const api = await adminApi(target, call);
      if ((await api.remove(ref.id)) === 'done') return;
      // 404 alone is also what another organization's account answers: gone only when the list agrees.
      if (!(await api.accounts()).some(({ id }) => id === ref.id)) return;
      throw new KeybatonError('UNAVAILABLE', `service account ${ref.id} is listed and yet unknown: ask again`);
    },

    list: async (target, call) =>
      (await (await adminApi(target, call)).accounts()).map((one) => {
        const tag = parseVersionTag(one.name);
        const createdAt = Date.parse(one.created_at);
        return {
          ...{ ref: { id: one.id }, ...(tag && { tag }), disabled: false, hint: one.name },
          ...(Number.isFinite(createdAt) && { createdAt }),
        };
      }),

    killByHand: ({ settings }, ref) =>
      [
        `service account ${ref.id}: https://app.pinecone.io (Settings, Access, Service accounts), or with an access token of another one:`,
        `printf 'header = "Authorization: Bearer %s"\\n' "$PINECONE_ACCESS_TOKEN" | curl -fsS -K - -H 'X-Pinecone-Api-Version: ${version}' -X DELETE ${settings.adminUrl}${path}/${pathPart(ref.id)}`,
      ].join('\n'),
  };
}

const timed = (call: Call) => ({ signal: call.signal, deadline: call.deadline, now: () => call.now() });

const clientOf = ({ adminUrl, callTimeout }: Settings) =>
  httpClient({ baseUrl: adminUrl, timeout: callTimeout, headers: { 'x-pinecone-api-version': version } });

function tagText({ name }: Account): string | undefined {
  const tag = parseVersionTag(name);
  return tag && versionTag(tag.installation, tag.version);
}

/** An account without a role can do nothing: everybody who uses it would be locked out once it is promoted. */
function bindingsOf({ organizationRoles, projectRoles }: Settings): readonly object[] {
  const bindings = [
    ...organizationRoles.map((one) => ({ resource_type: 'organization', role: one })),
    ...Object.entries(projectRoles).flatMap(([id, roles]) =>
      roles.map((one) => ({ resource_type: 'project', resource_id: id, role: one })),
    ),
  ];
  if (bindings.length > 0) return bindings;
  throw new KeybatonError(
    'INVALID_CONFIG',
    'organizationRoles and projectRoles are both empty: say what an account may do',
  );
}

async function adminApi(target: Target<Settings>, call: Call) {
  const client = clientOf(target.settings);
  const headers = { authorization: `Bearer ${tokenIn(await signIn(target.settings, await target.admin(), call))}` };
  let theirClock: number | undefined;
  const send = async (request: HttpRequest): Promise<HttpAnswer> => {
    const answer = await client.request({ ...request, headers, ...timed(call) });
    theirClock = answer.date ?? theirClock;
    return answer;
  };

  return {
    /** The vendor's clock as its newest answer told it, else ours: epoch milliseconds. */
    clock: (): number => theirClock ?? call.now(),

    /** Every service account of the organization, all pages. */
    async accounts(): Promise<readonly Account[]> {
      const found: Account[] = [];
      let cursor: string | undefined;
      for (let pages = 0; pages < mostPages; pages += 1) {
        const answer = await send({ method: 'GET', path, query: { limit: 100, paginationToken: cursor } });
        const one = shapedAs(page, answer, { what: 'listing service accounts', mayHaveHappened: false });
        found.push(...one.data);
        cursor = one.pagination?.next ?? undefined;
        if (cursor === undefined) return found;
      }
      throw new KeybatonError('UNAVAILABLE', 'the list of service accounts does not come to an end');
    },

    async create(body: object) {
      const made = z.object({ service_account: account, client_secret: z.string().min(1) });
      const answer = await send({ method: 'POST', path, body });
      const { service_account, client_secret: secret } = shapedAs(made, answer, {
        what: 'creating a service account',
        mayHaveHappened: true,
      });
      return { service_account, secret };
    },

    /** The vendor answers that it has accepted to do it; the list shows when it has. */
    async remove(id: string): Promise<'done' | 'unknown'> {
      const one = { method: 'DELETE', path: `${path}/${pathPart(id)}`, expect: [404], anyAnswer: true } as const;
      return (await send(one)).status === 404 ? 'unknown' : 'done';
    },
  };
}

/** https://docs.pinecone.io/guides/organizations/manage-service-accounts#retrieve-an-access-token */
async function signIn(
  { loginUrl, callTimeout }: Settings,
  material: SecretMaterial,
  call: Call,
  expect: readonly number[] = [],
): Promise<HttpAnswer> {
  const { client_id, client_secret } = material.reveal();
  if (!client_id || !client_secret) {
    throw new KeybatonError('INVALID_CONFIG', 'a credential of Pinecone is JSON with client_id and client_secret');
  }
  return httpClient({ baseUrl: loginUrl, timeout: callTimeout }).request({
    method: 'POST',
    path: '/oauth/token',
    body: { ...{ grant_type: 'client_credentials', client_id, client_secret }, audience: 'https://api.pinecone.io/' },
    mayHaveHappened: false,
    expect,
    ...timed(call),
  });
}

const tokenIn = (answer: HttpAnswer): string =>
  shapedAs(z.object({ access_token: z.string().min(1) }), answer, { what: 'signing in', mayHaveHappened: false })
    .access_token;
