import { KeybatonError } from '../../domain/errors.ts';
import type { AdoptRequest, Call, IssueRequest, Issued } from '../provider.ts';
import type { Session } from './connection.ts';
import { asAdmin } from './hosts.ts';
import { countSessions, lockRole, markOf, parseMark, readRole, readRoles } from './roles.ts';
import type { Role } from './roles.ts';
import { scramVerifier } from './scram.ts';
import type { PostgresTarget } from './settings.ts';
import { issueTexts, markText } from './statements.ts';
import { verify } from './verify.ts';

/** Sets the staged password, the right to log in and the mark in one transaction. */
export async function issue(target: PostgresTarget, request: IssueRequest, call: Call): Promise<Issued> {
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

/** Hands a working login over: proves that this password opens the role, then writes the mark. */
export async function adopt(target: PostgresTarget, request: AdoptRequest, call: Call): Promise<Issued> {
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
