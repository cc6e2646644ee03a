import { createHash } from 'node:crypto';
import type { VersionId } from '../../domain/identifiers.ts';
import { isVersionId } from '../../domain/identifiers.ts';
import { parseVersionTag } from '../../domain/version-tag.ts';
import { literal } from './statements.ts';

/** One account of the server, as `user`@`host`. */
export interface Account {
  readonly name: string;
  readonly host: string;
  readonly locked: boolean;
  readonly tag: Tag | undefined;
  /** A tombstone: locked, without password or rights, so that a late create finds the version's grave. */
  readonly dead: boolean;
  /** May use the target's database or role. */
  readonly inside: boolean;
}

export interface Tag {
  readonly installation: string;
  readonly version: VersionId;
}

export interface AccountRow {
  readonly name: string;
  readonly host: string;
  readonly locked: 0 | 1;
  readonly inside: 0 | 1;
  /** MariaDB: what stands for the password is no password. MySQL: the comment. */
  readonly note: string | null;
}

/** All in which MariaDB and MySQL differ. */
export interface Dialect {
  readonly product: 'MariaDB' | 'MySQL';
  /** The right to end sessions, as `information_schema.user_privileges` calls it. */
  readonly endsSessions: string;
  /** Must the admin write into the schema `mysql` to make a role active at login? */
  readonly defaultRoleNeedsUpdate: boolean;
  /** Statements that bound how long the server goes on with ours, in seconds. */
  limits(seconds: number): readonly string[];
  /** The user name of a version: as much of our tag as there is room for. */
  nameOf(installation: string, version: VersionId): string;
  /** Gives `AccountRow`s; parameters: database, role. */
  readonly accountsText: string;
  read(row: AccountRow): Account;
  /** What follows the account's name in `create user` and `alter user`. */
  identified(password: string): string;
  /** What carries our tag where the name has no room for it; after everything else in `create user`. */
  tagged(tag: string): string;
  buryTexts(account: string, tag: string): readonly string[];
  /** Tombstones of an installation (the parameter) that no late create can meet any more. */
  readonly oldGravesText: string;
  defaultRoleText(role: string, account: string): string;
  readonly sessionsText: string;
  /** Ends sessions: MariaDB all of a user at once, MySQL one by one. */
  endTexts(user: string, sessions: readonly number[]): readonly string[];
}

export const dialectOf = (serverVersion: string): Dialect => (/mariadb/i.test(serverVersion) ? mariadb : mysql);

const noPassword = 'invalid';

const mariadb: Dialect = {
  product: 'MariaDB',
  endsSessions: 'CONNECTION ADMIN',
  defaultRoleNeedsUpdate: true,
  limits: (seconds) => [
    `set session max_statement_time = ${seconds}, lock_wait_timeout = ${seconds}, wait_timeout = ${seconds}`,
  ],
  nameOf: (installation, version) => `${installation}-${version}`,
  accountsText: `select g.User as name, g.Host as host, coalesce(json_value(g.Priv, '$.account_locked'), 0) in ('1', 'true') as locked,
      if(json_value(g.Priv, '$.authentication_string') = '${noPassword}', 'dead', null) as note,
      (exists (select 1 from mysql.db d where d.User = g.User and d.Host = g.Host and ? like d.Db)
        or exists (select 1 from mysql.roles_mapping m where m.User = g.User and m.Host = g.Host and m.Role = ? and m.Admin_option = 'N')) as inside
    from mysql.global_priv g
    where coalesce(json_value(g.Priv, '$.is_role'), 0) not in ('1', 'true') and concat(g.User, '@', g.Host) <> current_user()
    order by g.User, g.Host`,
  read: ({ name, host, locked, inside, note }) => ({
    ...{ name, host, locked: locked === 1, inside: inside === 1, dead: note === 'dead' },
    tag: parseVersionTag(name.replace('-', ':')),
  }),
  identified: (password) => `identified via mysql_native_password using ${literal(nativeHash(password))}`,
  tagged: () => '',
  buryTexts: (account) => [
    // One statement: the old account, its rights and its password go, and the locked one without any is there.
    `create or replace user ${account} identified via mysql_native_password using ${literal(noPassword)} account lock`,
  ],
  oldGravesText: `select User as name, Host as host from mysql.global_priv
    where User like concat(?, '-kb%') and json_value(Priv, '$.authentication_string') = '${noPassword}'
      and json_value(Priv, '$.password_last_changed') < unix_timestamp() - 3600`,
  defaultRoleText: (role, account) => `set default role ${literal(role)} for ${account}`,
  sessionsText: 'select ID as id from information_schema.processlist where USER = ?',
  endTexts: (user) => [`kill user ${literal(user)}`],
};

/** What the server's own locked accounts have there. */
const noHash = '$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED';

/** MySQL 8.0.22 and newer, from its manual: https://dev.mysql.com/doc/refman/8.0/en/account-management-statements.html */
const mysql: Dialect = {
  product: 'MySQL',
  endsSessions: 'CONNECTION_ADMIN',
  defaultRoleNeedsUpdate: false,
  limits: (seconds) => [`set session lock_wait_timeout = ${seconds}, wait_timeout = ${seconds}`],
  // 32 characters are all there is: a version id and nothing more. The comment says whose it is.
  nameOf: (_, version) => version,
  accountsText: `select u.user as name, u.host as host, u.account_locked = 'Y' as locked,
      u.user_attributes ->> '$.metadata.comment' as note,
      (exists (select 1 from mysql.db d where d.user = u.user and d.host = u.host and ? like d.db)
        or exists (select 1 from mysql.role_edges e where e.to_user = u.user and e.to_host = u.host and e.from_user = ? and e.with_admin_option = 'N')) as inside
    from mysql.user u where concat(u.user, '@', u.host) <> current_user() order by u.user, u.host`,
  read({ name, host, locked, inside, note }) {
    const tag = parseVersionTag((note ?? '').replace(/:dead$/, ''));
    const ours = isVersionId(name) && tag?.version === name;
    const dead = ours && note?.endsWith(':dead') === true;
    return { ...{ name, host, locked: locked === 1, inside: inside === 1, dead }, tag: ours ? tag : undefined };
  },
  // The server keeps passwords of these statements out of its logs: https://dev.mysql.com/doc/refman/8.0/en/password-logging.html
  identified: (password) => `identified with caching_sha2_password by ${literal(password)}`,
  tagged: (tag) => ` comment ${literal(tag)}`,
  buryTexts: (account, tag) => [
    `drop user ${account}`,
    `create user ${account} identified with caching_sha2_password as ${literal(noHash)} account lock comment ${literal(`${tag}:dead`)}`,
  ],
  oldGravesText: `select user as name, host from mysql.user
    where user_attributes ->> '$.metadata.comment' like concat(?, ':kb%:dead')
      and password_last_changed < now() - interval 1 hour`,
  defaultRoleText: (role, account) => `set default role ${literal(role)} to ${account}`,
  sessionsText: 'select id from performance_schema.processlist where user = ?',
  endTexts: (_, sessions) => sessions.map((id) => `kill ${id}`),
};

/** What MariaDB keeps in place of the password. Computed here, so that the password itself never reaches the server. */
function nativeHash(password: string): string {
  const once = createHash('sha1').update(password).digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
}
