import { KeybatonError, codeOf, isKeybatonError } from '../../domain/errors.ts';
import type { Ref } from '../../domain/facts.ts';
import type { Call } from '../provider.ts';
import { endSessions, lockName, readOurs } from './accounts.ts';
import { asAdmin, onReplicas } from './connection.ts';
import type { Session } from './connection.ts';
import type { MariadbTarget } from './settings.ts';
import { accountText, lockText } from './statements.ts';

/**
 * Revoke or suspend. The account is locked, then its sessions are ended until none is left; only then, for ever, its
 * password and rights go: an open session could have set a password of its own meanwhile.
 */
export async function end(target: MariadbTarget, ref: Ref, call: Call, how: 'for now' | 'for ever'): Promise<void> {
  let begun = false;
  try {
    const found = await asAdmin(target, call, async (session) => {
      await lockName(session, ref.id, call);
      const accounts = await readOurs(session, target, ref);
      for (const account of accounts.filter(({ locked }) => !locked)) {
        await session.change(lockText(accountText(account)));
        begun = true;
      }
      // Dropped by hand, an account leaves its sessions behind.
      await endSessions(session, ref.id, call);
      if (how === 'for now') return accounts.length;
      for (const account of accounts.filter(({ dead }) => !dead)) await bury(session, ref, account);
      await endSessions(session, ref.id, call);
      if (call.urgent !== true) await dropOldGraves(session, target);
      return accounts.length;
    });
    // A replica takes the lock over by itself, but keeps its sessions.
    if (found > 0) await onReplicas(target, call, (session) => endSessions(session, ref.id, call));
  } catch (thrown) {
    if (!begun || codeOf(thrown) !== 'UNAVAILABLE') throw thrown;
    throw new KeybatonError(
      'AMBIGUOUS',
      `account ${ref.id} is locked, but its end is not complete: ${isKeybatonError(thrown) ? thrown.message : 'no answer'}`,
    );
  }
}

async function bury(
  session: Session,
  ref: Ref,
  account: { readonly name: string; readonly host: string },
): Promise<void> {
  for (const text of session.dialect.buryTexts(accountText(account), ref.mark ?? ref.id)) await session.change(text);
}

/** A tombstone has done its work when no call of its time can be under way any more. */
async function dropOldGraves(session: Session, target: MariadbTarget): Promise<void> {
  const text = session.dialect.oldGravesText;
  const graves = await session.query<{ name: string; host: string }>(text, [target.installation]);
  for (const grave of graves) await session.change(`drop user if exists ${accountText(grave)}`);
}
