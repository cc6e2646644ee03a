import { KeybatonError, codeOf, isKeybatonError } from '../domain/errors.ts';
import type { Ref } from '../domain/facts.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { refuseIfTooLate, withSession } from './postgres-roles/connection.ts';
import type { Endpoint, Session } from './postgres-roles/connection.ts';
import { verdictOf } from './postgres-roles/failures.ts';
import { checkRights, freeRole } from './postgres-roles/preflight.ts';
import {
  countSessions,
  endSessions,
  forbidLogin,
  lockRole,
  markOf,
  parseMark,
  readRole,
  readRoles,
  standing,
} from './postgres-roles/roles.ts';
import type { Role } from './postgres-roles/roles.ts';
import { scramVerifier } from './postgres-roles/scram.ts';
import { postgresRolesSettings, traitsOf } from './postgres-roles/settings.ts';
import type { PostgresRolesSettings, PostgresTarget } from './postgres-roles/settings.ts';
import { buryTexts, issueTexts, killByHandText, loginText, markText } from './postgres-roles/statements.ts';
import type { AdoptRequest, Call, IssueRequest, Issued, LiveCredential, Provider, Usage, Verdict } from './provider.ts';

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

    killByHand: killByHandText,
  };
}

async function issue(target: PostgresTarget, request: IssueRequest, call: Call): Promise<Issued> {
  const { place, generated } = request;
  const own = markOf(target, request.version);
  if (generated === undefined || generated.ref.id !== place) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      'postgres-roles sets only a value that was generated for this role and staged before',
    );
  }
  if (!(target.settings.pair ?? [String(request.version)]).includes(place)) {
    throw new KeybatonError('INVALID_CONFIG', `role ${place} does not belong to target ${target.name}`);
  }
  const verifier = scramVerifier(generated.material.revealValue(), call.random(16));
  await asAdmin(target, call, async (session) => {
    await lockRole(session, place, call);
    await session.query('begin');
    const role = await readRole(session, place);
    if (role?.comment !== own) await refuseOccupied(session, role, request, own);
    await session.commit(
      issueTexts({ role: place, exists: role !== undefined, group: target.settings.group, verifier, mark: own }),
    );
  });
  return { ref: generated.ref, material: generated.material };
}

/** A role that does not hold this version yet must be as preflight saw it, and nobody may be inside. */
async function refuseOccupied(
  session: Session,
  role: Role | undefined,
  request: IssueRequest,
  own: string,
): Promise<void> {
  if (role?.comment === `${own}:dead`)
    throw new KeybatonError('CONFLICT', `version ${request.version} has been revoked in role ${role.name}`);
  const stands = parseMark(role?.comment) === undefined ? undefined : role?.comment;
  const unowned = role?.login === true && (stands === undefined || parseMark(stands)?.dead === true);
  if ((stands ?? undefined) !== request.replaces || unowned) {
    throw new KeybatonError('CONFLICT', `role ${request.place} is not as it was when the rotation was planned`);
  }
  if (role !== undefined && (await countSessions(session, role.name)) > 0) {
    throw new KeybatonError(
      'CONFLICT',
      `role ${role.name} still has open sessions of an earlier version: end them before it is used again`,
    );
  }
}

async function verify(target: PostgresTarget, material: SecretMaterial, call: Call): Promise<Verdict> {
  const { host, port, database } = target.settings;
  let verdict: Verdict | undefined;
  const seen = (thrown: unknown): void => {
    verdict = verdictOf(thrown);
  };
  try {
    await withSession(
      target.settings,
      { host, port, database },
      material,
      call,
      (session) => session.query('select 1'),
      seen,
    );
    return 'accepted';
  } catch (thrown) {
    if (verdict !== undefined) return verdict;
    // Here nobody is the admin: what is not a verdict is trouble on the way.
    if (codeOf(thrown) === 'ACCESS_DENIED') {
      throw new KeybatonError(
        'INVALID_CONFIG',
        `postgresql at ${host}:${port} lets nobody in from here: check pg_hba.conf`,
      );
    }
    throw thrown;
  }
}

/**
 * Revoke or suspend. Login is forbidden and that is committed; then sessions are ended until none is left; only then,
 * for ever, the password goes: an open session could have set its own meanwhile.
 */
async function end(target: PostgresTarget, ref: Ref, call: Call, how: 'for now' | 'for ever'): Promise<void> {
  let begun = false;
  try {
    const found = await asAdmin(target, call, async (session) => {
      await lockRole(session, ref.id, call);
      const before = await forbidLogin(session, target, ref, call);
      if (before === 'gone') return before;
      begun = before === 'alive';
      await endSessions(session, ref.id, call);
      if (how === 'for now' || before === 'dead') return before;
      await session.query('begin');
      const now = standing(target, await readRole(session, ref.id), ref);
      if (now !== 'alive')
        throw new KeybatonError('CONFLICT', `role ${ref.id} was changed by hand while it was being revoked`);
      await session.commit(buryTexts(ref));
      await endSessions(session, ref.id, call);
      return before;
    });
    // A replica takes the role over by itself, but keeps its sessions; being read-only they cannot change the role.
    if (found !== 'gone') await onReplicas(target, call, (session) => endSessions(session, ref.id, call));
  } catch (thrown) {
    if (!begun || codeOf(thrown) !== 'UNAVAILABLE') throw thrown;
    throw new KeybatonError(
      'AMBIGUOUS',
      `role ${ref.id} cannot log in any more, but its end is not complete: ${isKeybatonError(thrown) ? thrown.message : 'no answer'}`,
    );
  }
}

/** Hands a working login over: proves that this password opens the role, then writes the mark. */
async function adopt(target: PostgresTarget, request: AdoptRequest, call: Call): Promise<Issued> {
  const name = request.material.reveal()['username'] ?? '';
  const own = markOf(target, request.version);
  await asAdmin(target, call, async (session) => {
    await lockRole(session, name, call);
    await session.query('begin');
    const role = (await readRoles(session, target)).find((one) => one.name === name);
    const mark = parseMark(role?.comment) === undefined ? undefined : role?.comment;
    const known = request.known.some((ref) => ref.id === name && (ref.mark ?? own) === (mark ?? own));
    if (role === undefined || known || (mark !== undefined && mark !== own)) {
      throw new KeybatonError('VERIFICATION_FAILED', 'the login that was supplied is no free role of this target');
    }
    if ((await verify(target, request.material, call)) === 'refused') {
      throw new KeybatonError('VERIFICATION_FAILED', `the password that was supplied does not open role ${name}`);
    }
    await session.commit([markText(name, own)]);
  });
  return { ref: { id: name, mark: own }, material: request.material };
}

async function asAdmin<Answer>(
  target: PostgresTarget,
  call: Call,
  act: (session: Session) => Promise<Answer>,
): Promise<Answer> {
  refuseIfTooLate(call);
  const { host, port, adminDatabase } = target.settings;
  return withSession(target.settings, { host, port, database: adminDatabase }, await target.admin(), call, act);
}

/** Sessions of this generation on the primary and on every listed host. `gone`: the role holds another generation now. */
async function onEveryHost<Answer>(
  target: PostgresTarget,
  ref: Ref,
  call: Call,
  act: (session: Session) => Promise<Answer>,
): Promise<readonly Answer[] | 'gone'> {
  const here = await asAdmin(target, call, async (session) => {
    const found = standing(target, await readRole(session, ref.id), ref);
    return found === 'alive' ? { answer: await act(session) } : 'gone';
  });
  return here === 'gone' ? here : [here.answer, ...(await onReplicas(target, call, act))];
}

async function onReplicas<Answer>(
  target: PostgresTarget,
  call: Call,
  act: (session: Session) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const admin = await target.admin();
  const endpoint = (host: PostgresRolesSettings['hosts'][number]): Endpoint => ({
    ...host,
    database: target.settings.adminDatabase,
  });
  return Promise.all(
    target.settings.hosts.map((host) => withSession(target.settings, endpoint(host), admin, call, act)),
  );
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
