import { createHash } from 'node:crypto';
import { KeybatonError } from '../../domain/errors.ts';
import type { Call } from '../provider.ts';
import type { Session } from './connection.ts';
import { refuseIfTooLate } from './connection.ts';
import { replyCode } from './failures.ts';
import type { RedisSettings, RedisTarget } from './settings.ts';

export interface User {
  readonly name: string;
  readonly on: boolean;
  /** A user without any password lets nobody in: what is left of a version that was revoked. */
  readonly dead: boolean;
}

export const nameOf = ({ settings, installation }: RedisTarget, version: string): string =>
  `${settings.users}-${installation}-${version}`;

/** Undefined for a user that keybaton did not name. */
export function tagOf({ users }: RedisSettings, name: string) {
  const shape = /^([a-z0-9]{4,12})-(kb[a-z0-9]{30})$/;
  const [, installation, version] = name.startsWith(`${users}-`)
    ? (shape.exec(name.slice(users.length + 1)) ?? [])
    : [];
  return installation === undefined || version === undefined ? undefined : { installation, version };
}

/** Every user whose name begins as those of the target do. */
export async function usersOf(session: Session, { users }: RedisSettings): Promise<readonly User[]> {
  const lines = await session.ask('ACL', 'LIST');
  if (!Array.isArray(lines)) throw unreadable(session);
  return lines.map((line) => readUser(String(line))).filter(({ name }) => name.startsWith(`${users}-`));
}

export const findUser = async (session: Session, settings: RedisSettings, name: string): Promise<User | undefined> =>
  (await usersOf(session, settings)).find((user) => user.name === name);

/** `user <name> on #<hash> ~<pattern> &<channel> +<rule>`; the hashes are dropped here. */
function readUser(line: string): User {
  const [, name = '', ...words] = line.split(' ');
  return {
    name,
    on: words.includes('on'),
    dead: !words.some((word) => word.startsWith('#') || word === 'nopass'),
  };
}

/** All that a version may do. By its hash: redis never sees the password before somebody logs in. */
export function rulesOf({ keys, channels, commands }: RedisSettings, password: string): readonly string[] {
  return [
    'reset',
    'on',
    `#${createHash('sha256').update(password).digest('hex')}`,
    ...keys.map((key) => (key.startsWith('%') ? key : `~${key}`)),
    ...channels.map((channel) => `&${channel}`),
    ...commands,
    '+ping',
  ];
}

/** Writes the list of users down where the server reads it when it starts. */
export async function persist(session: Session, { persist: how }: RedisSettings): Promise<void> {
  if (how === 'by-hand') return;
  try {
    await (how === 'acl-save' ? session.tell('ACL', 'SAVE') : session.tell('CONFIG', 'REWRITE'));
  } catch (thrown) {
    if (replyCode(thrown) === undefined) throw thrown;
    const { host, port } = session.node;
    throw new KeybatonError(
      'AMBIGUOUS',
      `redis at ${host}:${port} did what was asked and could not write its users down: a restart would undo it; look at its log, its disk and \`persist\``,
    );
  }
}

/** Ends the connections of a user until none is left: none on two looks, since one that just logged in shows late. */
export async function endConnections(session: Session, name: string, call: Call): Promise<void> {
  for (let quiet = 0; quiet < 2;) {
    refuseIfTooLate(call);
    const ended = await session.tell('CLIENT', 'KILL', 'USER', name).catch((thrown: unknown) => {
      // ERR: there is no such user, and nobody is logged in as it.
      if (replyCode(thrown) === 'ERR') return 0;
      throw thrown;
    });
    quiet = ended === 0 ? quiet + 1 : 0;
  }
}

export async function countConnections(session: Session, name: string): Promise<number> {
  const list = await session.ask('CLIENT', 'LIST');
  if (typeof list !== 'string') throw unreadable(session);
  return list.split('\n').filter((line) => line.split(' ').includes(`user=${name}`)).length;
}

const unreadable = ({ node }: Session): KeybatonError =>
  new KeybatonError('UNAVAILABLE', `redis at ${node.host}:${node.port} answered in a shape we do not know`);
