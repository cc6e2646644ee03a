import { escapeIdentifier } from 'pg';
import { KeybatonError } from '../../domain/errors.ts';
import type { PreflightRequest } from '../provider.ts';
import type { Session } from './connection.ts';
import { markOf, parseMark } from './roles.ts';
import type { Role } from './roles.ts';
import type { PostgresTarget } from './settings.ts';

interface Rights {
  readonly me: string;
  readonly superuser: boolean;
  readonly createrole: boolean;
  readonly version: number;
  readonly signal: boolean;
}

interface Grant {
  readonly name: string;
  readonly superuser: boolean;
  readonly admin: boolean;
  readonly usage: boolean;
}

/** May the admin do all that a rotation will need? Throws the first thing that is missing, with the statement that gives it. */
export async function checkRights(session: Session, target: PostgresTarget): Promise<void> {
  const [rights] = await session.query<Rights>(
    `select current_user as me, rolsuper as superuser, rolcreaterole as createrole,
       current_setting('server_version_num')::int as version, pg_catalog.pg_has_role('pg_signal_backend', 'usage') as signal
     from pg_catalog.pg_roles where rolname = current_user`,
  );
  if (rights === undefined) throw new KeybatonError('UNAVAILABLE', 'postgresql does not tell who the admin is');
  const { group, pair = [] } = target.settings;
  const grants = await session.query<Grant>(
    `select rolname as name, rolsuper as superuser, pg_catalog.pg_has_role(oid, 'member with admin option') as admin,
       pg_catalog.pg_has_role(oid, 'usage') as usage
     from pg_catalog.pg_roles where rolname = any($1)`,
    [[group, ...pair]],
  );
  const me = escapeIdentifier(rights.me);
  if (!rights.superuser && !rights.createrole) {
    throw new KeybatonError(
      'ACCESS_DENIED',
      `the admin of ${target.name} may not change roles: run alter role ${me} createrole`,
    );
  }
  for (const name of [group, ...pair]) {
    const found = grants.find((grant) => grant.name === name);
    if (found === undefined) {
      throw new KeybatonError(
        'INVALID_CONFIG',
        `role ${name} does not exist: run create role ${escapeIdentifier(name)} nologin`,
      );
    }
    if (found.superuser)
      throw new KeybatonError('INVALID_CONFIG', `role ${name} is a superuser: keybaton rotates no superusers`);
    // Before version 16 the attribute CREATEROLE alone reached every role that is no superuser.
    if (!found.admin && !rights.superuser && rights.version >= 160_000) {
      const grant = `grant ${escapeIdentifier(name)} to ${me} with admin true, inherit false, set false`;
      throw new KeybatonError('ACCESS_DENIED', `the admin of ${target.name} may not change role ${name}: run ${grant}`);
    }
  }
  const endsSessions =
    rights.superuser ||
    rights.signal ||
    (pair.length > 0 && grants.every((grant) => grant.name === group || grant.usage));
  if (!endsSessions) {
    throw new KeybatonError(
      'ACCESS_DENIED',
      `the admin of ${target.name} may not end sessions: run grant pg_signal_backend to ${me}`,
    );
  }
}

export interface Place {
  readonly place: string;
  readonly replaces?: string;
}

/** The role in which the next version will be made, and the mark that stands in it now. */
export function freeRole(target: PostgresTarget, roles: readonly Role[], request: PreflightRequest): Place {
  const { pair } = target.settings;
  if (pair === undefined) return placeOf(request.version, roles);
  const own = roles.find((role) => pair.includes(role.name) && parseMark(role.comment)?.version === request.version);
  if (own !== undefined) return placeOf(own.name, roles);
  for (const name of pair.filter((slot) => !request.keep.some((ref) => ref.id === slot))) {
    const role = roles.find((one) => one.name === name);
    if (role !== undefined && mayBeUsed(target, role, request)) return placeOf(name, roles);
  }
  throw new KeybatonError(
    'CAPACITY_EXHAUSTED',
    `both roles of ${target.name} hold a version that is not proved dead: the older one must be revoked first`,
  );
}

function mayBeUsed(target: PostgresTarget, role: Role, request: PreflightRequest): boolean {
  const mark = parseMark(role.comment);
  if (mark !== undefined && mark.installation !== target.installation) {
    throw new KeybatonError(
      'CONFLICT',
      `role ${role.name} is marked by another installation of keybaton: a pair belongs to one credential`,
    );
  }
  if (mark === undefined || mark.dead) {
    if (!role.login) return true;
    const disable = `alter role ${escapeIdentifier(role.name)} nologin`;
    throw new KeybatonError(
      'CONFLICT',
      `role ${role.name} can log in and keybaton did not make its password: hand it over with keybaton import ${request.credential}, or, if nobody uses it, run ${disable}`,
    );
  }
  return request.free.some((ref) => ref.id === role.name && ref.mark === markOf(target, mark.version));
}

/** A comment that is no mark of keybaton is not compared: issuing writes over it. */
function placeOf(name: string, roles: readonly Role[]): Place {
  const comment = roles.find((role) => role.name === name)?.comment;
  return parseMark(comment) === undefined || comment === null || comment === undefined
    ? { place: name }
    : { place: name, replaces: comment };
}
