import { KeybatonError, codeOf, isKeybatonError } from '../../domain/errors.ts';
import type { Ref } from '../../domain/facts.ts';
import type { Call } from '../provider.ts';
import { asAdmin, onReplicas } from './hosts.ts';
import { endSessions, forbidLogin, lockRole, readRole, standing } from './roles.ts';
import type { PostgresTarget } from './settings.ts';
import { buryTexts } from './statements.ts';

/**
 * Revoke or suspend. Login is forbidden and that is committed; then sessions are ended until none is left; only then,
 * for ever, the password goes: an open session could have set its own meanwhile.
 */
export async function end(target: PostgresTarget, ref: Ref, call: Call, how: 'for now' | 'for ever'): Promise<void> {
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
