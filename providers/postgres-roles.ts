import { KeybatonError } from '../domain/errors.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { end } from './postgres-roles/end.ts';
import { excessRights } from './postgres-roles/excess.ts';
import { asAdmin, onEveryHost } from './postgres-roles/hosts.ts';
import { adopt, issue } from './postgres-roles/issue.ts';
import { checkRights, freeRole } from './postgres-roles/preflight.ts';
import {
  countSessions,
  endSessions,
  lockRole,
  markOf,
  parseMark,
  readRole,
  readRoles,
  standing,
} from './postgres-roles/roles.ts';
import type { Role } from './postgres-roles/roles.ts';
import { postgresRolesSettings, traitsOf } from './postgres-roles/settings.ts';
import type { PostgresRolesSettings } from './postgres-roles/settings.ts';
import { killByHandText, loginText } from './postgres-roles/statements.ts';
import { verify } from './postgres-roles/verify.ts';
import type { LiveCredential, Provider, Usage } from './provider.ts';

/**
 * PostgreSQL logins: two roles of one group that take turns, or one role per version. The role's comment carries the
 * mark `<installation>:<version>`, so that one statement's transaction says both what the password is and whose it is.
 */
export function postgresRoles(): Provider<PostgresRolesSettings> {
  return {
    name: 'postgres-roles',
    settingsSchema: postgresRolesSettings,
    material: { fields: ['username', 'password'], value: 'password' },
    traits: traitsOf,
    advice: ({ host, port, group }) => ({ place: `group ${group} at ${host}:${port}` }),

    preflight: (target, request, call) =>
      asAdmin(target, call, async (session) => {
        await checkRights(session, target);
        const roles = await readRoles(session, target);
        const [clock] = await session.query<{ at: number }>(
          'select (extract(epoch from clock_timestamp()) * 1000)::float8 as at',
        );
        return {
          ...freeRole(target, roles, request),
          live: roles.filter((role) => isAlive(role)).map((role) => role.name),
          at: Math.floor(clock?.at ?? call.now()),
        };
      }),

    generate: (target, request) => ({
      ref: { id: request.place, mark: markOf(target, request.version) },
      material: loginOf(request.place, Buffer.from(request.random(32)).toString('base64url')),
    }),

    issue,
    verify,
    adopt,
    list: (target, call) =>
      asAdmin(target, call, async (session) =>
        (await readRoles(session, target)).filter((role) => isAlive(role)).map(listed),
      ),
    revoke: (target, ref, call) => end(target, ref, call, 'for ever'),
    suspend: (target, ref, call) => end(target, ref, call, 'for now'),

    resume: (target, ref, call) =>
      asAdmin(target, call, async (session) => {
        await lockRole(session, ref.id, call);
        await session.query('begin');
        const found = standing(target, await readRole(session, ref.id), ref);
        if (found !== 'alive')
          throw new KeybatonError(
            'CONFLICT',
            `role ${ref.id} does not hold this version any more: it cannot be resumed`,
          );
        await session.commit([loginText(ref.id)]);
      }),

    endSessions: (target, ref, call) =>
      onEveryHost(target, ref, call, (session) => endSessions(session, ref.id, call)).then(() => {}),

    async usage(target, ref, call): Promise<Usage> {
      const counts = await onEveryHost(target, ref, call, (session) => countSessions(session, ref.id));
      if (counts === 'gone')
        throw new KeybatonError(
          'NOT_FOUND',
          `role ${ref.id} does not hold this version any more: its sessions are another's`,
        );
      return { kind: 'sample', sessions: counts.reduce((sum, open) => sum + open, 0) };
    },

    excess: (target, call) => asAdmin(target, call, (session) => excessRights(session, target)),

    killByHand: killByHandText,
  };
}

/** It can log in, or could again after a resume. */
function isAlive(role: Role): boolean {
  return role.login || parseMark(role.comment)?.dead === false;
}

function listed(role: Role): LiveCredential {
  const mark = parseMark(role.comment);
  if (mark === undefined || mark.dead) return { ref: { id: role.name }, disabled: !role.login };
  const { installation, version } = mark;
  return {
    ref: { id: role.name, mark: `${installation}:${version}` },
    tag: { installation, version },
    disabled: !role.login,
  };
}

const loginOf = (username: string, password: string): SecretMaterial =>
  new SecretMaterial({ username, password }, 'password');
