/**
 * Qdrant Cloud: database API keys of one cluster, each with its access rules. What the vendor can and cannot do:
 * `docs/providers/qdrant-cloud.md`. API: https://github.com/qdrant/qdrant-cloud-public-api (cluster/auth/v2)
 */
import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import { isVersionId } from '../domain/identifiers.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import type { VersionTag } from '../domain/version-tag.ts';
import { shapedAs } from '../outbound/answer-shape.ts';
import { failureWithoutAnswer } from '../outbound/http-failure.ts';
import { httpClient, type HttpRequest } from '../outbound/http-client.ts';
import { pathPart } from '../outbound/path-part.ts';
import type { Call, Provider, Target, Verdict } from './provider.ts';

const milliseconds = z.int().min(0);
const collection = z.strictObject({
  collection: z.string().min(1).max(255),
  access: z.enum(['read-only', 'read-write']),
});

export const qdrantCloudSettings = z.strictObject({
  account: z.uuid(),
  cluster: z.uuid(),
  /** Where keys are used: the cluster's own address, with its port. */
  clusterUrl: z.url(),
  /** What a key may do. Said openly: left out, the vendor would give it the whole database. */
  access: z.union([z.enum(['everything', 'read-everything']), z.array(collection).min(1).max(20)]),
  /** Live keys beyond which preflight refuses; the vendor publishes no number. */
  maxLive: z.int().min(1).optional(),
  baseUrl: z.url().default('https://api.cloud.qdrant.io'),
  // The vendor publishes no figure for any of these: they are on the safe side.
  createSpread: milliseconds.default(60_000),
  revokeSpread: milliseconds.default(60_000),
  lateCreate: milliseconds.default(60_000),
  callTimeout: z.int().min(100).max(15_000).default(10_000),
});

export type QdrantCloudSettings = z.output<typeof qdrantCloudSettings>;

const key = z.object({
  id: z.string().min(1),
  name: z.string(),
  createdAt: z.string().nullish(),
  expiresAt: z.string().nullish(),
  postfix: z.string().nullish(),
});
type Key = z.output<typeof key>;

export function qdrantCloud(): Provider<QdrantCloudSettings> & Required<Pick<Provider<QdrantCloudSettings>, 'issue'>> {
  return {
    name: 'qdrant-cloud',
    settingsSchema: qdrantCloudSettings,
    material: { fields: ['api_key'], value: 'api_key' },

    traits: ({ maxLive, createSpread, revokeSpread, lateCreate, callTimeout }) => ({
      topology: 'n-keys',
      maxLive,
      createIdempotency: 'tag-search',
      ...{ createSpread, revokeSpread, lateCreate, callTimeout },
      usage: undefined,
      tagged: true,
      expiry: true,
    }),

    advice: ({ access, cluster }) => ({
      wide:
        typeof access !== 'string'
          ? []
          : [
              {
                fact: `access is ${access}: a key may ${access === 'everything' ? 'change and delete' : 'read'} every collection`,
                fix: 'write access: with the collections that its consumers use, such as [{ collection: docs, access: read-only }],',
              },
            ],
      place: `cluster ${cluster}`,
    }),

    async preflight(target, request, call) {
      const api = await qdrantApi(target, call);
      const { maxLive, cluster } = target.settings;
      const keys = await api.keys();
      const own = nameOf({ installation: target.installation, version: request.version });
      const others = keys.filter(({ name }) => name !== own);
      if (maxLive !== undefined && others.length >= maxLive) {
        throw new KeybatonError(
          'CAPACITY_EXHAUSTED',
          `cluster ${cluster} holds ${others.length} keys and has room for ${maxLive}: revoke one that nobody uses`,
        );
      }
      return { place: cluster, live: keys.map(({ id }) => id), at: api.clock() };
    },

    async issue(target, { version, place, expiresAt }, call) {
      const { cluster, account, access } = target.settings;
      if (place !== cluster)
        throw new KeybatonError('CONFLICT', `${target.name} points elsewhere than when the rotation was planned`);
      const api = await qdrantApi(target, call);
      const name = nameOf({ installation: target.installation, version });
      // A key of this version from an earlier call: its value was never seen, so it can only die.
      for (const one of (await api.keys()).filter((listed) => listed.name === name)) await api.remove(one.id);
      const made = await api.create({
        accountId: account,
        clusterId: cluster,
        name,
        accessRules: rulesOf(access),
        ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
      });
      return {
        ref: { id: made.id },
        material: new SecretMaterial({ api_key: made.key }, 'api_key'),
        ...(made.expiresAt && { expiresAt: Date.parse(made.expiresAt) }),
      };
    },

    verify,

    async revoke(target, ref, call) {
      const api = await qdrantApi(target, call);
      if ((await api.remove(ref.id)) === 'done') return;
      // 404 alone is also what a wrong cluster answers: gone only when the list agrees.
      if (!(await api.keys()).some(({ id }) => id === ref.id)) return;
      throw new KeybatonError('UNAVAILABLE', `key ${ref.id} is listed and yet unknown: ask again`);
    },

    list: async (target, call) =>
      (await (await qdrantApi(target, call)).keys()).map((one) => {
        const tag = tagOf(one);
        return {
          ref: { id: one.id },
          ...(tag && { tag }),
          disabled: false,
          ...(one.createdAt && { createdAt: Date.parse(one.createdAt) }),
          hint: `${one.name}${one.postfix ? ` ...${one.postfix}` : ''}`,
        };
      }),

    killByHand: ({ settings: { account, cluster, baseUrl } }, ref) =>
      [
        `key ${ref.id} of cluster ${cluster}: https://cloud.qdrant.io (API keys of the cluster), or with a management key:`,
        `printf 'header = "Authorization: apikey %s"\\n' "$QDRANT_MANAGEMENT_KEY" | curl -fsS -K - -X DELETE '${baseUrl}${keysPath(account)}/${pathPart(ref.id)}?clusterId=${cluster}'`,
      ].join('\n'),
  };
}

const timed = (call: Call) => ({ signal: call.signal, deadline: call.deadline, now: () => call.now() });
const keysPath = (account: string): string => `/api/cluster/auth/v2/accounts/${account}/database-api-keys`;

/** Names take letters, digits, spaces, `_` and `-`: a tag's colon is none of them. */
const nameOf = ({ installation, version }: VersionTag): string => `${installation}-${version}`;

function tagOf({ name }: Key): VersionTag | undefined {
  const [, installation = '', version = ''] = /^([a-z0-9]{4,12})-([a-z0-9]+)$/.exec(name) ?? [];
  return isVersionId(version) ? { installation, version } : undefined;
}

function rulesOf(access: QdrantCloudSettings['access']): readonly object[] {
  const global = 'GLOBAL_ACCESS_RULE_ACCESS_TYPE_';
  if (access === 'everything') return [{ globalAccess: { accessType: `${global}MANAGE` } }];
  if (access === 'read-everything') return [{ globalAccess: { accessType: `${global}READ_ONLY` } }];
  return access.map(({ collection: collectionName, access: may }) => ({
    collectionAccess: {
      collectionName,
      accessType: `COLLECTION_ACCESS_RULE_ACCESS_TYPE_${may === 'read-only' ? 'READ_ONLY' : 'READ_WRITE'}`,
    },
  }));
}

/** A refusal of Qdrant is plain text, so that it is Qdrant which refuses is seen by what its root says to everybody. */
async function verify(
  { settings }: Target<QdrantCloudSettings>,
  material: SecretMaterial,
  call: Call,
): Promise<Verdict> {
  const client = httpClient({ baseUrl: settings.clusterUrl, timeout: settings.callTimeout });
  const answer = await client.request({
    method: 'GET',
    path: '/collections',
    headers: { 'api-key': material.revealValue() },
    expect: [401, 403],
    ...timed(call),
  });
  const asked = { what: 'GET /collections', mayHaveHappened: false };
  if (answer.status !== 401 && answer.status !== 403) {
    shapedAs(z.object({ result: z.object({ collections: z.array(z.unknown()) }) }), answer, asked);
    return 'accepted';
  }
  const root = await client.request({ method: 'GET', path: '/', ...timed(call) });
  const { title } = shapedAs(z.object({ title: z.string() }), root, asked);
  if (!title.startsWith('qdrant'))
    throw failureWithoutAnswer(`answered ${answer.status}, and its root is not Qdrant's`, asked);
  return answer.status === 401 ? 'refused' : 'forbidden';
}

async function qdrantApi(target: Target<QdrantCloudSettings>, call: Call) {
  const { baseUrl, callTimeout, account, cluster } = target.settings;
  const client = httpClient({ baseUrl, timeout: callTimeout });
  const headers = { authorization: `apikey ${(await target.admin()).revealValue()}` };
  const path = keysPath(account);
  let theirClock: number | undefined;
  const send = async (request: HttpRequest) => {
    const answer = await client.request({ ...request, headers, ...timed(call) });
    theirClock = answer.date ?? theirClock;
    return answer;
  };

  return {
    /** The vendor's clock as its newest answer told it, else ours: epoch milliseconds. */
    clock: (): number => theirClock ?? call.now(),

    /** Every key of the cluster. There are no pages. */
    async keys(): Promise<readonly Key[]> {
      const answer = await send({ method: 'GET', path, query: { clusterId: cluster } });
      // A list without a key is told without `items`.
      const listed = z.object({ items: z.array(key).default([]) });
      return shapedAs(listed, answer, { what: 'listing keys', mayHaveHappened: false }).items;
    },

    async create(databaseApiKey: object) {
      const made = z.object({ databaseApiKey: key.extend({ key: z.string().min(1) }) });
      const answer = await send({ method: 'POST', path, body: { databaseApiKey } });
      return shapedAs(made, answer, { what: 'creating a key', mayHaveHappened: true }).databaseApiKey;
    },

    async remove(id: string): Promise<'done' | 'unknown'> {
      const query = { clusterId: cluster };
      const answer = await send({ method: 'DELETE', path: `${path}/${pathPart(id)}`, query, expect: [404] });
      return answer.status === 404 ? 'unknown' : 'done';
    },
  };
}
