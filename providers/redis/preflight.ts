import { KeybatonError } from '../../domain/errors.ts';
import type { Session } from './connection.ts';
import { replyCode } from './failures.ts';
import { nameOf } from './users.ts';
import type { RedisTarget } from './settings.ts';

/** Every command that the admin gives, as the documentation's Permissions section lists them. */
function neededCommands(target: RedisTarget): readonly (readonly string[])[] {
  const name = nameOf(target, `kb${'0'.repeat(30)}`);
  return [
    ['ACL', 'LIST'],
    ['ACL', 'SETUSER', name],
    ['CLIENT', 'LIST'],
    ['CLIENT', 'KILL', 'USER', name],
    ...(target.settings.persist === 'acl-save' ? [['ACL', 'SAVE']] : []),
    ...(target.settings.persist === 'config-rewrite' ? [['CONFIG', 'REWRITE']] : []),
  ];
}

/** Asks the server whether the admin might, without doing it. */
export async function checkRights(session: Session, target: RedisTarget): Promise<void> {
  const { host, port } = session.node;
  const admin = (await target.admin()).reveal()['username'] ?? '';
  for (const command of neededCommands(target)) {
    const answer = await session.ask('ACL', 'DRYRUN', admin, ...command);
    if (answer !== 'OK') {
      throw new KeybatonError(
        'ACCESS_DENIED',
        `the admin user may not ${command.slice(0, 2).join(' ')} at ${host}:${port}: give it what docs/providers/redis.md lists`,
      );
    }
  }
}

/** A user that is only in memory is gone after a restart, and one that was killed is back: both are refused here. */
export async function checkPersistence(session: Session, { settings }: RedisTarget): Promise<void> {
  const { host, port } = session.node;
  if (settings.persist === 'by-hand') return;
  const configured = await session.ask('CONFIG', 'GET', 'aclfile');
  const [, aclfile] = Array.isArray(configured) ? configured.map(String) : [];
  if (settings.persist === 'acl-save' && !aclfile) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `redis at ${host}:${port} has no aclfile: a restart would lose every user that keybaton makes and bring back those it killed; set aclfile in redis.conf, or persist: config-rewrite`,
    );
  }
  if (settings.persist === 'acl-save') return;
  if (aclfile) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `redis at ${host}:${port} keeps its users in an aclfile, which config-rewrite does not write: set persist: acl-save`,
    );
  }
  const server = await session.ask('INFO', 'server');
  if (!/^config_file:\S/m.test(String(server))) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `redis at ${host}:${port} was started without a configuration file: there is nothing to rewrite; set aclfile and persist: acl-save`,
    );
  }
}

/** What the admin may do beyond keeping users. That alone makes it as mighty as the server: it can make any user. */
export async function excessRights(session: Session, target: RedisTarget): Promise<readonly string[]> {
  const admin = (await target.admin()).reveal()['username'] ?? '';
  const may = async (...command: readonly string[]): Promise<boolean> => {
    try {
      return (await session.ask('ACL', 'DRYRUN', admin, ...command)) === 'OK';
    } catch (thrown) {
      // A server without that command.
      if (replyCode(thrown) === 'ERR') return false;
      throw thrown;
    }
  };
  const looks: readonly (readonly [string, readonly string[]])[] = [
    ['it may read keys', ['GET', 'keybaton']],
    ['it may write keys', ['SET', 'keybaton', '1']],
    ['it may delete every key', ['FLUSHALL']],
    ['it may run scripts', ['EVAL', 'return 1', '0']],
    ['it may change the configuration', ['CONFIG', 'SET', 'maxmemory', '0']],
    ['it may see every command of everybody', ['MONITOR']],
    ['it may stop the server', ['SHUTDOWN']],
  ];
  const found: string[] = [];
  for (const [phrase, command] of looks) if (await may(...command)) found.push(phrase);
  return found;
}
