import { setTimeout as pause } from 'node:timers/promises';
import { KeybatonError } from '../../domain/errors.ts';
import type { Ref } from '../../domain/facts.ts';
import type { Call } from '../provider.ts';
import { refuseIfTooLate } from './connection.ts';
import type { Session } from './connection.ts';
import { isHeldUp } from './failures.ts';
import type { PostgresTarget } from './settings.ts';
import { endSessionsText, nologinText } from './statements.ts';

export interface Role {
  readonly name: string;
  readonly login: boolean;
  readonly comment: string | null;
}

export interface Mark {
  readonly installation: string;
  readonly version: string;
  readonly dead: boolean;
}

const shape = /^([a-z0-9]{4,12}):(kb[a-z0-9]{30})(:dead)?$/;

export const markOf = (target: PostgresTarget, version: string): string => `${target.installation}:${version}`;

/** Undefined for a role whose comment is no mark of keybaton. */
export function parseMark(comment: string | null | undefined): Mark | undefined {
  const [, installation, version, dead] = shape.exec(comment ?? '') ?? [];
  if (installation === undefined || version === undefined) return undefined;
  return { installation, version, dead: dead !== undefined };
}

const columns = `select r.rolname as name, r.rolcanlogin as login, pg_catalog.shobj_description(r.oid, 'pg_authid') as comment
  from pg_catalog.pg_roles r`;

export async function readRole(session: Session, name: string): Promise<Role | undefined> {
  const [role] = await session.query<Role>(`${columns} where r.rolname = $1`, [name]);
  return role;
}

/**
 * The pair, and every other login that has the group's rights. Before PostgreSQL 16 a membership has no options, hence
 * the detour by JSON; one with neither right is the admin's, who may only grant it.
 */
export async function readRoles(session: Session, target: PostgresTarget): Promise<readonly Role[]> {
  const option = (name: string): string => `coalesce((to_jsonb(m) ->> '${name}')::boolean, true)`;
  return session.query<Role>(
    `${columns} where r.rolname <> current_user and (r.rolname = any($1) or exists (
      select from pg_catalog.pg_auth_members m join pg_catalog.pg_roles g on g.oid = m.roleid
      where m.member = r.oid and g.rolname = $2 and (${option('inherit_option')} or ${option('set_option')})))
    order by r.rolname`,
    [target.settings.pair ?? [], target.settings.group],
  );
}

/**
 * Whether a role holds the generation that a ref names. `gone`: it holds another of ours, or does not exist. Without a
 * mark of this installation nobody can tell: CONFLICT.
 */
export function standing(target: PostgresTarget, role: Role | undefined, ref: Ref): 'alive' | 'dead' | 'gone' {
  if (role === undefined) return 'gone';
  const mark = parseMark(role.comment);
  const asked = parseMark(ref.mark);
  if (mark?.installation !== target.installation || asked?.installation !== target.installation) {
    throw new KeybatonError(
      'CONFLICT',
      `role ${role.name} has no mark of this installation in its comment: nobody can tell which version it holds; a person must look`,
    );
  }
  if (mark.version !== asked.version) return 'gone';
  return mark.dead ? 'dead' : 'alive';
}

/**
 * One writer per role, however many workers there are. The lock belongs to the session: a worker that lost its
 * connection has lost the lock and the transaction together.
 */
export async function lockRole(session: Session, name: string, call: Call): Promise<void> {
  for (;;) {
    const text = 'select pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended($1, 0)) as got';
    const [lock] = await session.query<{ got: boolean }>(text, [`keybaton/role/${name}`]);
    if (lock?.got === true) return;
    await waitALittle(call, `another call is changing role ${name}`);
  }
}

/**
 * Takes the right to log in away, if the role holds this generation, and commits that: an uncommitted change stops nobody.
 * An open session of the role can hold its row for ever by changing its own password in a transaction; it is ended.
 */
export async function forbidLogin(
  session: Session,
  target: PostgresTarget,
  ref: Ref,
  call: Call,
): Promise<'alive' | 'dead' | 'gone'> {
  for (;;) {
    await session.query('begin');
    const found = standing(target, await readRole(session, ref.id), ref);
    if (found !== 'alive') {
      await session.query('rollback');
      return found;
    }
    await session.query("set local lock_timeout = '500ms'");
    try {
      await session.commit([nologinText(ref.id)]);
      return found;
    } catch (thrown) {
      if (!isHeldUp(thrown)) throw thrown;
      await session.query('rollback');
      await session.query(endSessionsText, [ref.id]);
      await waitALittle(call, `role ${ref.id} is held by an open transaction`);
    }
  }
}

/** Ends the sessions of a role until none is left: none on two looks, since one that is just starting shows late. */
export async function endSessions(session: Session, name: string, call: Call): Promise<void> {
  for (let quiet = 0; ;) {
    const ended = await session.query(endSessionsText, [name]);
    quiet = ended.length === 0 ? quiet + 1 : 0;
    if (quiet === 2) return;
    await waitALittle(call, `role ${name} still has open sessions`);
  }
}

export async function countSessions(session: Session, name: string): Promise<number> {
  const text = 'select count(*)::int as open from pg_catalog.pg_stat_activity where usename = $1';
  const [row] = await session.query<{ open: number }>(text, [name]);
  if (row === undefined) throw new KeybatonError('UNAVAILABLE', 'postgresql counted no sessions');
  return row.open;
}

async function waitALittle(call: Call, why: string): Promise<void> {
  try {
    await pause(40, undefined, { signal: call.signal });
    refuseIfTooLate(call);
  } catch {
    throw new KeybatonError('UNAVAILABLE', `${why}; it is tried again`);
  }
}
