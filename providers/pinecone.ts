/**
 * Pinecone: API keys of one project, each with its roles. What the vendor can and cannot do: `docs/providers/pinecone.md`.
 * API: https://docs.pinecone.io/reference/api/2026-04/admin
 */
import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { parseVersionTag, versionTag } from '../domain/version-tag.ts';
import { shapedAs } from '../outbound/answer-shape.ts';
import { httpClient, type HttpRequest } from '../outbound/http-client.ts';
import { pathPart } from '../outbound/path-part.ts';
import type { Call, Provider, Target } from './provider.ts';

const milliseconds = z.int().min(0);
const roles = [
  ...['ProjectEditor', 'ProjectViewer', 'ControlPlaneEditor'],
  ...['ControlPlaneViewer', 'DataPlaneEditor', 'DataPlaneViewer'],
] as const;

export const pineconeSettings = z.strictObject({
  /** The project's id. */
  project: z.uuid(),
  /** What a key may do. Said openly: left out, the vendor would give it everything. */
  roles: z.array(z.enum(roles)).min(1),
  /** Live keys beyond which preflight refuses; the vendor publishes no number. */
  maxLive: z.int().min(1).optional(),
  adminUrl: z.url().default('https://api.pinecone.io'),
  loginUrl: z.url().default('https://login.pinecone.io'),
  /** Where keys are used. */
  apiUrl: z.url().default('https://api.pinecone.io'),
  // The vendor publishes no figure for any of these: they are on the safe side.
  createSpread: milliseconds.default(60_000),
  revokeSpread: milliseconds.default(60_000),
  lateCreate: milliseconds.default(60_000),
  callTimeout: z.int().min(100).max(15_000).default(10_000),
});

export type PineconeSettings = z.output<typeof pineconeSettings>;

const version = '2026-04';
const key = z.object({ id: z.string().min(1), name: z.string(), roles: z.array(z.string()).nullish() });
type Key = z.output<typeof key>;
const projects = z.object({ data: z.array(z.object({ id: z.string() })) });
const serviceAccounts = z.object({ data: z.array(z.object({ id: z.string(), client_id: z.string() })) });
const roleBindings = z.object({
  data: z.array(z.object({ role: z.string(), resource_type: z.string(), resource_id: z.string() })),
});

export function pinecone(): Provider<PineconeSettings> & Required<Pick<Provider<PineconeSettings>, 'issue'>> {
  return {
    name: 'pinecone',
    settingsSchema: pineconeSettings,
    material: { fields: ['api_key'], value: 'api_key', pattern: /^(?:pckey|pcsk)_[\w-]{1,80}_[\w-]{20,120}$/ },

    traits: ({ maxLive, createSpread, revokeSpread, lateCreate, callTimeout }) => ({
      topology: 'n-keys',
      maxLive,
      createIdempotency: 'tag-search',
      ...{ createSpread, revokeSpread, lateCreate, callTimeout },
      usage: undefined,
      tagged: true,
      expiry: false,
    }),

    advice: ({ project, roles: given }) => ({
      wide: given
        .filter((role) => role === 'ProjectEditor' || role === 'ControlPlaneEditor')
        .map((role) => ({
          fact: `roles has ${role}: a key may make and delete indexes`,
          fix: 'write roles: [DataPlaneEditor], or [DataPlaneViewer] for what only reads,',
        })),
      place: `project ${project}`,
    }),

    async preflight(target, request, call) {
      const api = await pineconeApi(target, call);
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
      return { place: project, live: keys.map(({ id }) => id), at: api.clock() };
    },

    async issue(target, request, call) {
      const { project } = target.settings;
      if (request.place !== project)
        throw new KeybatonError('CONFLICT', `${target.name} points elsewhere than when the rotation was planned`);
      const api = await pineconeApi(target, call);
      const tag = versionTag(target.installation, request.version);
      // A key of this version from an earlier call: its value was never seen, so it can only die.
      for (const one of (await api.keys()).filter((listed) => tagText(listed) === tag)) await api.remove(one.id);
      const made = await api.create({ name: tag, roles: target.settings.roles });
      return { ref: { id: made.key.id }, material: new SecretMaterial({ api_key: made.value }, 'api_key') };
    },

    async verify({ settings }, material, call) {
      const answer = await httpClient({ baseUrl: settings.apiUrl, timeout: settings.callTimeout }).request({
        method: 'GET',
        path: '/indexes',
        headers: { 'api-key': material.revealValue(), 'x-pinecone-api-version': version },
        expect: [401, 403],
        ...timed(call),
      });
      // A status alone may come from anything between us and the vendor: only its own words are a verdict.
      const asked = { what: 'GET /indexes', mayHaveHappened: false };
      if (answer.status === 401 || answer.status === 403) {
        shapedAs(z.object({ error: z.object({ code: z.string() }), status: z.literal(answer.status) }), answer, asked);
        return answer.status === 401 ? 'refused' : 'forbidden';
      }
      shapedAs(z.object({ indexes: z.array(z.unknown()) }), answer, asked);
      return 'accepted';
    },

    async revoke(target, ref, call) {
      const api = await pineconeApi(target, call);
      if ((await api.remove(ref.id)) === 'done') return;
      // 404 alone is also what a wrong project answers: gone only when the list agrees.
      if (!(await api.keys()).some(({ id }) => id === ref.id)) return;
      throw new KeybatonError('UNAVAILABLE', `key ${ref.id} is listed and yet unknown: ask again`);
    },

    list: async (target, call) =>
      (await (await pineconeApi(target, call)).keys()).map((one) => {
        const tag = parseVersionTag(one.name);
        return { ref: { id: one.id }, ...(tag && { tag }), disabled: false, hint: one.name };
      }),

    async excess(target, call) {
      const { id: clientId } = signInOf(await target.admin());
      const more = await (await pineconeApi(target, call)).rightsBeyond(clientId);
      if (more.length > 0) return more;
      throw new KeybatonError(
        'UNSUPPORTED',
        'it sees no other project and no service account; its roles cannot be read with it',
      );
    },

    killByHand: ({ settings }, ref) =>
      [
        `key ${ref.id} of project ${settings.project}: https://app.pinecone.io (API keys), or with an access token of a service account:`,
        `printf 'header = "Authorization: Bearer %s"\\n' "$PINECONE_ACCESS_TOKEN" | curl -fsS -K - -H 'X-Pinecone-Api-Version: ${version}' -X DELETE ${settings.adminUrl}/admin/api-keys/${pathPart(ref.id)}`,
      ].join('\n'),
  };
}

const timed = (call: Call) => ({ signal: call.signal, deadline: call.deadline, now: () => call.now() });

function tagText({ name }: Key): string | undefined {
  const tag = parseVersionTag(name);
  return tag && versionTag(tag.installation, tag.version);
}

async function pineconeApi(target: Target<PineconeSettings>, call: Call) {
  const { adminUrl, callTimeout, project } = target.settings;
  const client = httpClient({
    baseUrl: adminUrl,
    timeout: callTimeout,
    headers: { 'x-pinecone-api-version': version },
  });
  const headers = { authorization: `Bearer ${await signIn(target, call)}` };
  const path = `/admin/projects/${project}/api-keys`;
  let theirClock: number | undefined;
  const send = async (request: HttpRequest) => {
    const answer = await client.request({ ...request, headers, ...timed(call) });
    theirClock = answer.date ?? theirClock;
    return answer;
  };

  /** Undefined: it may not read that. */
  const read = async <Shape>(what: z.ZodType<Shape>, from: string, query: HttpRequest['query'] = {}) => {
    const answer = await send({ method: 'GET', path: from, query, expect: [403] });
    const asked = { what: `reading ${from}`, mayHaveHappened: false };
    if (answer.status !== 403) return shapedAs(what, answer, asked);
    // It may come from anything between us and the vendor: only its own words are an answer.
    shapedAs(z.object({ error: z.object({ code: z.string() }), status: z.literal(403) }), answer, asked);
    return undefined;
  };

  return {
    /** The vendor's clock as its newest answer told it, else ours: epoch milliseconds. */
    clock: (): number => theirClock ?? call.now(),

    /** What whoever signs in with this client id may do beyond this project's keys, as far as it may read that itself. */
    async rightsBeyond(clientId: string): Promise<readonly string[]> {
      const others = ((await read(projects, '/admin/projects'))?.data ?? []).filter(({ id }) => id !== project);
      const found = others.length === 0 ? [] : [`it sees ${others.length} more projects than ${project}`];
      const accounts = await read(serviceAccounts, '/admin/service-accounts', { limit: 100 });
      if (accounts === undefined) return found;
      found.push('it reads the service accounts of the organization');
      const own = accounts.data.find(({ client_id: client }) => client === clientId);
      if (own === undefined) return found;
      const whose = { principal_type: 'service_account', principal_id: own.id, limit: 100 };
      const bindings = (await read(roleBindings, '/admin/role-bindings', whose))?.data ?? [];
      const wide = bindings.filter(({ resource_type: type, resource_id: id }) => type !== 'project' || id !== project);
      return [
        ...found,
        ...wide.map(({ role, resource_type: type, resource_id: id }) =>
          type === 'project' ? `it is ${role} of project ${id}` : `it is ${role} of the whole organization`,
        ),
      ];
    },

    /** Every key of the project. There are no pages. */
    async keys(): Promise<readonly Key[]> {
      const answer = await send({ method: 'GET', path });
      const listed = z.object({ data: z.array(key) });
      return shapedAs(listed, answer, { what: 'listing keys', mayHaveHappened: false }).data;
    },

    async create(body: object) {
      const made = z.object({ key, value: z.string().min(1) });
      const answer = await send({ method: 'POST', path, body });
      return shapedAs(made, answer, { what: 'creating a key', mayHaveHappened: true });
    },

    /** The vendor answers that it has accepted to do it; the list shows when it has. */
    async remove(id: string): Promise<'done' | 'unknown'> {
      const one = {
        method: 'DELETE',
        path: `/admin/api-keys/${pathPart(id)}`,
        expect: [404],
        anyAnswer: true,
      } as const;
      return (await send(one)).status === 404 ? 'unknown' : 'done';
    },
  };
}

/** https://docs.pinecone.io/guides/organizations/manage-service-accounts#retrieve-an-access-token */
async function signIn(target: Target<PineconeSettings>, call: Call): Promise<string> {
  const { id, secret } = signInOf(await target.admin());
  const { loginUrl, callTimeout } = target.settings;
  const answer = await httpClient({ baseUrl: loginUrl, timeout: callTimeout }).request({
    method: 'POST',
    path: '/oauth/token',
    body: {
      grant_type: 'client_credentials',
      ...{ client_id: id, client_secret: secret },
      audience: 'https://api.pinecone.io/',
    },
    mayHaveHappened: false,
    ...timed(call),
  });
  const asked = { what: 'signing in', mayHaveHappened: false };
  return shapedAs(z.object({ access_token: z.string().min(1) }), answer, asked).access_token;
}

function signInOf(admin: SecretMaterial): { readonly id: string; readonly secret: string } {
  const { client_id: id, client_secret: secret } = admin.reveal();
  if (id && secret) return { id, secret };
  throw new KeybatonError(
    'INVALID_CONFIG',
    'the admin credential of Pinecone is JSON with client_id and client_secret',
  );
}
