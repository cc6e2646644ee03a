/**
 * MLflow with its basic-auth app: one user for each version, since a user has one password. What the server can and
 * cannot do: `docs/providers/mlflow.md`. API: https://mlflow.org/docs/latest/self-hosting/security/basic-http-auth
 */
import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import { isVersionId } from '../domain/identifiers.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { parseVersionTag } from '../domain/version-tag.ts';
import { shapedAs } from '../outbound/answer-shape.ts';
import { httpClient, type HttpRequest } from '../outbound/http-client.ts';
import type { Call, Provider, Target } from './provider.ts';

const permission = z.enum(['READ', 'USE', 'EDIT', 'MANAGE']);
const milliseconds = z.int().min(0);

export const mlflowSettings = z.strictObject({
  baseUrl: z.url(),
  /** What a version may do, by experiment id. Everything else it gets from the server's own default. */
  experiments: z.record(z.string().regex(/^\d{1,32}$/, 'the id of an experiment'), permission).default({}),
  /** The same for registered models, by name. */
  models: z.record(z.string().min(1).max(250), permission).default({}),
  // Zero for a server without `auth_cache_ttl_seconds`; with it, at least that long.
  revokeSpread: milliseconds.default(0),
  createSpread: milliseconds.default(0),
  lateCreate: milliseconds.default(10_000),
  callTimeout: z.int().min(1_000).max(15_000).default(15_000),
});

export type MlflowSettings = z.output<typeof mlflowSettings>;
type Abilities = Required<Pick<Provider<MlflowSettings>, 'issue'>>;

const user = z.object({ username: z.string().min(1), is_admin: z.boolean() });

export function mlflow(): Provider<MlflowSettings> & Abilities {
  return {
    name: 'mlflow',
    settingsSchema: mlflowSettings,
    material: { fields: ['username', 'password'], value: 'password' },

    traits: ({ createSpread, revokeSpread, lateCreate, callTimeout }) => ({
      topology: 'n-keys',
      maxLive: undefined,
      createIdempotency: 'tag-search',
      ...{ createSpread, revokeSpread, lateCreate, callTimeout },
      // The server keeps no last use of a user.
      usage: undefined,
      tagged: true,
      expiry: false,
    }),

    advice: ({ baseUrl, experiments, models }) => ({
      wide: Object.entries({ ...experiments, ...models })
        .filter(([, given]) => given === 'MANAGE')
        .map(([of]) => ({
          fact: `a user may MANAGE ${of}: delete it, and give others rights in it`,
          fix: `write ${of}: EDIT, or READ for what only looks,`,
        })),
      place: `server ${baseUrl}`,
    }),

    async preflight(target, _request, call) {
      const api = await mlflowApi(target, call);
      if (!(await api.isAdmin()))
        throw new KeybatonError('ACCESS_DENIED', `the admin of ${target.name} is no admin of MLflow: use one that is`);
      const users = await api.users();
      return { place: 'users', live: users.map(({ username }) => username), at: api.clock() };
    },

    async issue(target, { version }, call) {
      const { experiments, models } = target.settings;
      const api = await mlflowApi(target, call);
      const username = `${target.installation}-${version}`;
      const password = Buffer.from(call.random(32)).toString('base64url');
      // A user of this version from an earlier call: its password was never seen, so it can only die.
      if ((await api.users()).some((one) => one.username === username)) await api.remove(username);
      await api.create(username, password);
      for (const [id, what] of Object.entries(experiments)) await api.grant(username, 'experiment', id, what);
      for (const [name, what] of Object.entries(models)) await api.grant(username, 'registered_model', name, what);
      return { ref: { id: username }, material: new SecretMaterial({ username, password }, 'password') };
    },

    async verify({ settings }, material, call) {
      const client = httpClient({ baseUrl: settings.baseUrl, timeout: settings.callTimeout });
      const asked = { method: 'GET', path: '/api/2.0/mlflow/users/current', ...timed(call) } as const;
      const answer = await client.request({ ...asked, headers: basic(material), expect: [401] });
      const what = { what: `GET ${asked.path}`, mayHaveHappened: false };
      // The server says it in a page of HTML: that the same way lets others in is what the control call shows.
      if (answer.status === 401) return 'refused';
      const told = shapedAs(z.object({ user }), answer, what).user;
      if (told.username !== material.reveal()['username'])
        throw new KeybatonError('UNAVAILABLE', 'the server names another user than the one who asked');
      return 'accepted';
    },

    async revoke(target, ref, call) {
      const { installation } = parseVersionTag(ref.id.replace('-', ':')) ?? {};
      if (installation !== undefined && installation !== target.installation)
        throw new KeybatonError(
          'CONFLICT',
          `user ${ref.id} is not of this installation: a person must look whose it is`,
        );
      const api = await mlflowApi(target, call);
      if ((await api.remove(ref.id)) === 'done') return;
      // 404 alone is also what a wrong address answers: gone only when the list agrees.
      if (!(await api.users()).some(({ username }) => username === ref.id)) return;
      throw new KeybatonError('UNAVAILABLE', `user ${ref.id} is listed and yet unknown: ask again`);
    },

    list: async (target, call) =>
      (await (await mlflowApi(target, call)).users()).map(({ username }) => {
        const tag = parseVersionTag(username.replace('-', ':'));
        return { ref: { id: username }, ...(tag && isVersionId(tag.version) && { tag }), disabled: false };
      }),

    killByHand: ({ settings }, ref) =>
      [
        `user ${ref.id} at ${settings.baseUrl}:`,
        `printf 'user = "%s:%s"\\n' <admin> "$MLFLOW_ADMIN_PASSWORD" | curl -fsS -K - -X DELETE -H 'content-type: application/json' -d '${JSON.stringify({ username: ref.id }).replaceAll("'", '')}' ${settings.baseUrl}/api/2.0/mlflow/users/delete`,
      ].join('\n'),
  };
}

/** One request with the admin's login. What a failure's body says is never read: MLflow puts SQL with hashes into it. */
async function mlflowApi(target: Target<MlflowSettings>, call: Call) {
  const { baseUrl, callTimeout } = target.settings;
  const client = httpClient({ baseUrl, timeout: callTimeout });
  const headers = basic(await target.admin());
  let theirClock: number | undefined;
  const send = async (request: HttpRequest) => {
    const answer = await client.request({ ...request, headers, ...timed(call) });
    theirClock = answer.date ?? theirClock;
    return answer;
  };

  return {
    /** The server's clock as its newest answer told it, else ours: epoch milliseconds. */
    clock: (): number => theirClock ?? call.now(),

    async isAdmin(): Promise<boolean> {
      const answer = await send({ method: 'GET', path: `${users}/current` });
      return shapedAs(z.object({ user }), answer, { what: 'asking who we are', mayHaveHappened: false }).user.is_admin;
    },

    /** Every user. There are no pages. */
    async users(): Promise<readonly z.output<typeof user>[]> {
      const answer = await send({ method: 'GET', path: `${users}/list` });
      const listed = z.object({ users: z.array(user) });
      return shapedAs(listed, answer, { what: 'listing users', mayHaveHappened: false }).users;
    },

    async create(username: string, password: string): Promise<void> {
      const answer = await send({ method: 'POST', path: `${users}/create`, body: { username, password } });
      shapedAs(z.object({ user }), answer, { what: 'creating a user', mayHaveHappened: true });
    },

    async grant(username: string, type: string, id: string, what: string): Promise<void> {
      const body = { username, resource_type: type, resource_id: id, permission: what };
      await send({ method: 'POST', path: '/api/3.0/mlflow/users/permissions/grant', body, anyAnswer: true });
    },

    async remove(username: string): Promise<'done' | 'unknown'> {
      const one = {
        method: 'DELETE',
        path: `${users}/delete`,
        body: { username },
        expect: [404],
        anyAnswer: true,
      } as const;
      return (await send(one)).status === 404 ? 'unknown' : 'done';
    },
  };
}

const users = '/api/2.0/mlflow/users';

const timed = (call: Call) => ({ signal: call.signal, deadline: call.deadline, now: () => call.now() });

function basic(material: SecretMaterial): { readonly authorization: string } {
  const { username, password } = material.reveal();
  if (!username || !password)
    throw new KeybatonError('INVALID_CONFIG', 'a login of MLflow needs the fields username and password');
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}
