import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { shapedAs } from '../../outbound/answer-shape.ts';
import { httpClient, type HttpAnswer, type HttpMethod, type HttpRequest } from '../../outbound/http-client.ts';
import { pathPart } from '../../outbound/path-part.ts';
import type { Call } from '../provider.ts';
import type { RabbitMqTarget } from './settings.ts';
import { deadTag } from './users.ts';

/** Before 3.9 tags were one text with commas. */
const tags = z.union([z.array(z.string()), z.string().transform((text) => text.split(',').filter(Boolean))]);
const listedUser = z.object({ name: z.string(), password_hash: z.string(), tags });
const someone = z.object({ name: z.string(), tags });

export interface User {
  readonly name: string;
  /** Somebody can log in with a password. */
  readonly open: boolean;
  /** What is left of a version that was revoked. */
  readonly dead: boolean;
}

export type RabbitMqApi = Awaited<ReturnType<typeof rabbitMqApi>>;

/** The management plugin's HTTP API, as much of it as users need; the admin credential is read once. */
export async function rabbitMqApi(target: RabbitMqTarget, call: Call) {
  const { settings } = target;
  const { username, password } = (await target.admin()).reveal();
  if (username === undefined || password === undefined)
    throw new KeybatonError('INVALID_CONFIG', 'a rabbitmq login needs the fields username and password');
  const client = httpClient({
    baseUrl: settings.url,
    timeout: settings.callTimeout,
    // Thousands of users are on one page.
    responseLimit: 33_554_432,
    ...(settings.caFile !== undefined && { ca: readFileSync(settings.caFile, 'utf8') }),
  });
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const send = (method: HttpMethod, path: string, more: Partial<HttpRequest> = {}): Promise<HttpAnswer> =>
    client.request({
      method,
      path: `/api${path}`,
      headers: { authorization, ...(more.body === undefined ? {} : { 'content-type': 'application/json' }) },
      signal: call.signal,
      deadline: call.deadline,
      now: () => call.now(),
      ...(method !== 'GET' && { anyAnswer: true }),
      ...more,
    });
  const read = async <Shape>(schema: z.ZodType<Shape>, path: string): Promise<Shape> =>
    shapedAs(schema, await send('GET', path), { what: `GET ${path}`, mayHaveHappened: false });
  const put = (name: string, body: object): Promise<HttpAnswer> => send('PUT', `/users/${pathPart(name)}`, { body });

  return {
    /** Tags of the admin. ACCESS_DENIED: it is not let in. */
    whoAmI: async (): Promise<readonly string[]> => (await read(someone, '/whoami')).tags,

    async vhostExists(): Promise<boolean> {
      const answer = await send('GET', `/vhosts/${pathPart(settings.vhost)}`, { expect: [404] });
      return answer.status !== 404;
    },

    /** Vhosts in which the admin itself has rights. */
    async ownVhosts(): Promise<readonly string[]> {
      const rights = await read(z.array(z.object({ vhost: z.string() })), `/users/${pathPart(username)}/permissions`);
      return rights.map(({ vhost }) => vhost);
    },

    /** Every user whose name begins as those of the target do. */
    async users(): Promise<readonly User[]> {
      const all = await read(z.array(listedUser), '/users');
      return all.filter(({ name }) => name.startsWith(`${settings.users}-`)).map(readUser);
    },

    async user(name: string): Promise<User | undefined> {
      const path = `/users/${pathPart(name)}`;
      const answer = await send('GET', path, { expect: [404] });
      if (answer.status === 404) return undefined;
      return readUser(shapedAs(listedUser, answer, { what: `GET ${path}`, mayHaveHappened: false }));
    },

    /** A user that nobody can log in as: no password fits. */
    lock: (name: string, how: 'new' | 'dead'): Promise<unknown> =>
      put(name, { password_hash: '', tags: how === 'dead' ? deadTag : '' }),

    permit: (name: string): Promise<unknown> =>
      send('PUT', `/permissions/${pathPart(settings.vhost)}/${pathPart(name)}`, {
        body: { configure: settings.configure, write: settings.write, read: settings.read },
      }),

    open: (name: string, hash: string): Promise<unknown> =>
      put(name, { password_hash: hash, hashing_algorithm: 'rabbit_password_hashing_sha256', tags: '' }),

    /** Takes its rights and closes its connections too. One that is not there is success. */
    remove: (name: string): Promise<unknown> => send('DELETE', `/users/${pathPart(name)}`, { expect: [404] }),

    /** By the server's own book of connections: `/api/connections` is a statistic and 5 s behind. */
    async connections(name: string): Promise<number> {
      return (await read(z.array(z.object({ user: z.string() })), `/connections/username/${pathPart(name)}`)).length;
    },

    closeConnections: (name: string): Promise<unknown> =>
      send('DELETE', `/connections/username/${pathPart(name)}`, { expect: [404] }),
  };
}

const readUser = (user: z.output<typeof listedUser>): User => ({
  name: user.name,
  open: user.password_hash !== '' && !user.tags.includes(deadTag),
  dead: user.tags.includes(deadTag),
});
