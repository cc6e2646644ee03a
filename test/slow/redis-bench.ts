import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createClient } from '@redis/client';
import { versionIdFrom, parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { redis } from '../../providers/redis.ts';
import { redisSettings } from '../../providers/redis/settings.ts';
import type { RedisTarget } from '../../providers/redis/settings.ts';
import type { Call, Issued, IssueRequest } from '../../providers/provider.ts';
import type { RedisServer } from '../../scripts/servers/redis-server.ts';

export const provider = redis();
const credential = parseCredentialId('redis/test/bot');

export const call = (changes: Partial<Call> = {}): Call => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 10_000,
  now: () => Date.now(),
  random: (bytes) => new Uint8Array(randomBytes(bytes)),
  ...changes,
});

/** A connection that survives being ended by the server. */
export async function connectAs(server: { readonly port: number }, username: string, password: string) {
  const client = createClient({
    username,
    password,
    socket: { host: '127.0.0.1', port: server.port, reconnectStrategy: false },
    RESP: 2,
    disableClientInfo: true,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

export type Connection = Awaited<ReturnType<typeof connectAs>>;

export async function asRoot<Answer>(server: RedisServer, act: (root: Connection) => Promise<Answer>): Promise<Answer> {
  const root = await connectAs(server, server.adminUser, server.adminPassword);
  try {
    return await act(root);
  } finally {
    root.destroy();
  }
}

export async function isOpen(client: Connection): Promise<boolean> {
  return client.sendCommand(['PING']).then(
    () => true,
    () => false,
  );
}

/** The command of the documentation's Permissions section: what is documented is what is tested. */
export function documentedAdmin(name: string, password: string): readonly string[] {
  const page = readFileSync(new URL('../../docs/providers/redis.md', import.meta.url), 'utf8');
  const line = /## Permissions[\s\S]*?```\n(ACL SETUSER .*)\n```/.exec(page)?.[1];
  if (line === undefined) throw new Error('the page has no command under Permissions');
  return line.replace('keybaton_admin', name).replace('choose-one', password).split(' ');
}

let places = 0;

/** Names of its own on a server, and an admin with exactly the documented rights at each of its nodes. */
export async function freshPlace(
  servers: readonly [RedisServer, ...RedisServer[]],
  settings: Readonly<Record<string, unknown>> = {},
): Promise<RedisTarget> {
  places += 1;
  const admin = { username: `admin${places}`, password: randomBytes(24).toString('base64url') };
  for (const server of servers)
    await asRoot(server, (root) => root.sendCommand([...documentedAdmin(admin.username, admin.password)]));
  const [first, ...more] = servers;
  return {
    name: 'bot-cache',
    environment: 'test',
    installation: 'kit1',
    settings: redisSettings.parse({
      host: '127.0.0.1',
      port: first.port,
      hosts: more.map(({ port }) => ({ host: '127.0.0.1', port })),
      users: `bot${places}`,
      keys: ['app:*'],
      tls: 'off',
      ...settings,
    }),
    admin: async () => new SecretMaterial(admin, 'password'),
  };
}

export async function plan(target: RedisTarget): Promise<IssueRequest> {
  const version = versionIdFrom(new Uint8Array(randomBytes(64)));
  const { place } = await provider.preflight(target, { credential, version, keep: [], free: [] }, call());
  const generated = provider.generate(target, {
    version,
    place,
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
  });
  return { credential, version, place, generated };
}

export const make = async (target: RedisTarget): Promise<Issued> => provider.issue(target, await plan(target), call());

export function connectWith(server: { readonly port: number }, material: SecretMaterial): Promise<Connection> {
  const { username = '', password = '' } = material.reveal();
  return connectAs(server, username, password);
}
