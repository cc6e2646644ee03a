import { KeybatonError } from '../../domain/errors.ts';
import type { Session } from './connection.ts';
import { privilegesOf } from './settings.ts';
import type { MariadbTarget } from './settings.ts';
import { databasePattern, literal } from './statements.ts';

interface Right {
  readonly right: string;
  /** Undefined: everywhere. */
  readonly place: string | null;
  readonly here: 0 | 1;
  readonly grantable: 0 | 1;
}

/** The admin's own rights, everywhere and on whole databases; `here`: on the target's database, or everywhere. */
async function readRights(session: Session, database: string): Promise<readonly Right[]> {
  return session.query<Right>(
    `select PRIVILEGE_TYPE as \`right\`, null as place, 1 as here, IS_GRANTABLE = 'YES' as grantable
       from information_schema.user_privileges where GRANTEE = ${meText}
     union all
     select PRIVILEGE_TYPE, TABLE_SCHEMA, ? like TABLE_SCHEMA, IS_GRANTABLE = 'YES'
       from information_schema.schema_privileges where GRANTEE = ${meText}`,
    [database],
  );
}

/** Who we are, as these views write it. */
const meText = `concat(char(39), substring_index(current_user(), '@', 1), char(39), '@', char(39), substring_index(current_user(), '@', -1), char(39))`;

/** May the admin do all that a rotation will need? Throws the first thing that is missing, with the statement that gives it. */
export async function checkRights(session: Session, target: MariadbTarget): Promise<void> {
  const { database, role } = target.settings;
  const rights = await readRights(session, database);
  const has = (name: string): boolean => rights.some(({ right, place }) => place === null && right === name);
  const [who] = await session.query<{ me: string }>(`select ${meText} as me`);
  const lacks = (what: string, statement: string): KeybatonError =>
    new KeybatonError('ACCESS_DENIED', `the admin of ${target.name} may not ${what}: run ${statement} to ${who?.me}`);

  if (!has('CREATE USER')) throw lacks('make accounts', 'grant create user on *.*');
  if (!has('PROCESS')) throw lacks('see sessions', 'grant process on *.*');
  const { endsSessions } = session.dialect;
  if (!has(endsSessions) && !has('SUPER')) throw lacks('end sessions', `grant ${endsSessions.toLowerCase()} on *.*`);

  if (role !== undefined) {
    const roles = await session.query<{ grantable: 0 | 1 }>(
      "select IS_GRANTABLE = 'YES' as grantable from information_schema.applicable_roles where ROLE_NAME = ?",
      [role],
    );
    if (!roles.some(({ grantable }) => grantable === 1))
      throw lacks(`give the role ${role}`, `grant ${literal(role)} with admin option`);
    const updates = (await readRights(session, 'mysql')).some(({ right, here }) => right === 'UPDATE' && here === 1);
    if (session.dialect.defaultRoleNeedsUpdate && !updates)
      throw lacks('make a role active at login', 'grant update on mysql.*');
    return;
  }
  for (const privilege of privilegesOf(target.settings)) {
    if (!rights.some(({ right, here, grantable }) => right === privilege && here === 1 && grantable === 1))
      throw lacks(
        `give ${privilege} on ${database}`,
        `grant ${privilege.toLowerCase()} on ${databasePattern(database)} with grant option`,
      );
  }
}

/** What the admin may do beyond what the page lists, one phrase each. */
export async function excessRights(session: Session, target: MariadbTarget): Promise<readonly string[]> {
  const { database, role } = target.settings;
  const rights = await readRights(session, database);
  const needed = ['USAGE', 'CREATE USER', 'PROCESS', session.dialect.endsSessions];
  const everywhere = rights.filter(({ right, place }) => place === null && !needed.includes(right));
  const given = role === undefined ? privilegesOf(target.settings) : [];
  const besides = rights.filter(
    ({ right, place, here }) =>
      place !== null &&
      !(here === 1 && given.includes(right)) &&
      !(place === 'mysql' && role !== undefined && right === 'UPDATE'),
  );
  const some = (names: readonly string[]): string => [...new Set(names)].slice(0, 10).join(', ');
  return [
    ...(everywhere.length > 0 ? [`on every database: ${some(everywhere.map(({ right }) => right))}`] : []),
    ...(besides.length > 0 ? [`besides: ${some(besides.map(({ right, place }) => `${right} on ${place}`))}`] : []),
  ];
}
