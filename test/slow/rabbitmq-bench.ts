import { randomBytes } from 'node:crypto';
import { connect } from 'amqplib';
import { versionIdFrom, parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { rabbitMq } from '../../providers/rabbitmq.ts';
import { rabbitMqSettings } from '../../providers/rabbitmq/settings.ts';
import type { RabbitMqTarget } from '../../providers/rabbitmq/settings.ts';
import type { Call, Issued, IssueRequest } from '../../providers/provider.ts';
import type { RabbitMqServer } from '../../scripts/servers/rabbitmq-server.ts';

export const provider = rabbitMq();
const credential = parseCredentialId('rabbitmq/test/bot');

export const call = (changes: Partial<Call> = {}): Call => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 10_000,
  now: () => Date.now(),
  random: (bytes) => new Uint8Array(randomBytes(bytes)),
  ...changes,
});

/** The HTTP API as its administrator. Answers the status and the body. */
export async function asRoot(server: RabbitMqServer, method: string, path: string, body?: object) {
  const authorization = `Basic ${Buffer.from(`${server.adminUser}:${server.adminPassword}`).toString('base64')}`;
  const answer = await fetch(`${server.apiUrl}/api${path}`, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}

export interface Session {
  readonly isOpen: () => Promise<boolean>;
  readonly channel: () => Promise<{
    checkQueue(name: string): Promise<unknown>;
    assertQueue(name: string): Promise<unknown>;
  }>;
  readonly close: () => Promise<void>;
}

/** A consumer's connection. It is called open only when the broker still answers over it. */
export async function connectWith(
  server: { readonly port: number },
  material: { reveal(): Readonly<Record<string, string>> },
): Promise<Session> {
  const { username = '', password = '' } = material.reveal();
  const connection = await connect({ protocol: 'amqp', hostname: '127.0.0.1', port: server.port, username, password });
  connection.on('error', () => undefined);
  const channel = async () => {
    const opened = await connection.createChannel();
    opened.on('error', () => undefined);
    return opened;
  };
  return {
    channel,
    isOpen: () =>
      channel().then(
        (opened) => opened.close().then(() => true),
        () => false,
      ),
    close: () => connection.close().catch(() => undefined),
  };
}

let places = 0;

/** Names of its own, and an admin with exactly the documented rights. */
export async function freshPlace(
  server: RabbitMqServer,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<RabbitMqTarget> {
  places += 1;
  const admin = { username: `admin${places}`, password: randomBytes(24).toString('base64url') };
  await asRoot(server, 'PUT', `/users/${admin.username}`, { password: admin.password, tags: 'administrator' });
  return {
    name: 'bot-queue',
    environment: 'test',
    installation: 'kit1',
    settings: rabbitMqSettings.parse({
      url: server.apiUrl,
      host: '127.0.0.1',
      port: server.port,
      users: `bot${places}`,
      tls: 'off',
      ...settings,
    }),
    admin: async () => new SecretMaterial(admin, 'password'),
  };
}

export async function plan(target: RabbitMqTarget): Promise<IssueRequest> {
  const version = versionIdFrom(new Uint8Array(randomBytes(64)));
  const { place } = await provider.preflight(target, { credential, version, keep: [], free: [] }, call());
  const generated = provider.generate(target, {
    version,
    place,
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
  });
  return { credential, version, place, generated };
}

export const make = async (target: RabbitMqTarget): Promise<Issued> =>
  provider.issue(target, await plan(target), call());
