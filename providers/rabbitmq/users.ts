import { createHash } from 'node:crypto';
import type { RabbitMqSettings, RabbitMqTarget } from './settings.ts';

/** The tag of what a revoked version leaves. Tags of one's own give no right. */
export const deadTag = 'keybaton-dead';

export const nameOf = ({ settings, installation }: RabbitMqTarget, version: string): string =>
  `${settings.users}-${installation}-${version}`;

/** Undefined for a user that keybaton did not name. */
export function tagOf({ users }: RabbitMqSettings, name: string) {
  const shape = /^([a-z0-9]{4,12})-(kb[a-z0-9]{30})$/;
  const [, installation, version] = name.startsWith(`${users}-`)
    ? (shape.exec(name.slice(users.length + 1)) ?? [])
    : [];
  return installation === undefined || version === undefined ? undefined : { installation, version };
}

/** What the server keeps in place of a password, https://www.rabbitmq.com/docs/passwords: the password never reaches it here. */
export function passwordHash(password: string, salt: Uint8Array): string {
  const digest = createHash('sha256').update(salt).update(password).digest();
  return Buffer.concat([salt, digest]).toString('base64');
}
