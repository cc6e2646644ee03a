import { setTimeout as pause } from 'node:timers/promises';
import { KeybatonError } from '../../domain/errors.ts';
import type { Ref } from '../../domain/facts.ts';
import { versionTag } from '../../domain/version-tag.ts';
import type { Call } from '../provider.ts';
import { refuseIfTooLate } from './connection.ts';
import type { Session } from './connection.ts';
import type { Account, AccountRow } from './dialect.ts';
import { is } from './failures.ts';
import type { MariadbTarget } from './settings.ts';

/** Every account of the server but the admin's own. */
export async function readAccounts(session: Session, { settings }: MariadbTarget): Promise<readonly Account[]> {
  const rows = await session.query<AccountRow>(session.dialect.accountsText, [settings.database, settings.role ?? '']);
  return rows.map((row) => session.dialect.read(row));
}

/** The accounts of one user name: one for each host from which it may log in, none when it is gone. */
export async function readNamed(session: Session, target: MariadbTarget, name: string): Promise<readonly Account[]> {
  return (await readAccounts(session, target)).filter((account) => account.name === name);
}

/** What a ref names, and whether it is ours to change: CONFLICT for another installation's account. */
export async function readOurs(session: Session, target: MariadbTarget, ref: Ref): Promise<readonly Account[]> {
  const accounts = await readNamed(session, target, ref.id);
  const foreign = accounts.some(
    ({ tag }) =>
      (tag !== undefined && tag.installation !== target.installation) ||
      (ref.mark !== undefined && (tag === undefined || versionTag(tag.installation, tag.version) !== ref.mark)),
  );
  if (foreign)
    throw new KeybatonError(
      'CONFLICT',
      `account ${ref.id} is not of this installation: a person must look whose it is`,
    );
  return accounts;
}

/** One writer per user name, however many workers there are. A worker that loses its connection loses the lock. */
export async function lockName(session: Session, name: string, call: Call): Promise<void> {
  const seconds = Math.max(0, Math.floor((call.deadline - call.now()) / 1000));
  const text = "select get_lock(concat('keybaton/', sha1(?)), ?) as got";
  const [lock] = await session.query<{ got: number | null }>(text, [name, seconds]);
  if (lock?.got !== 1)
    throw new KeybatonError('UNAVAILABLE', `another call is changing account ${name}; it is tried again`);
}

export async function sessionsOf(session: Session, name: string): Promise<readonly number[]> {
  return (await session.query<{ id: number }>(session.dialect.sessionsText, [name])).map(({ id }) => id);
}

/** Ends the sessions of a user until none is left: none on two looks, since one that is just starting shows late. */
export async function endSessions(session: Session, name: string, call: Call): Promise<void> {
  for (let quiet = 0; ;) {
    const open = await sessionsOf(session, name);
    quiet = open.length === 0 ? quiet + 1 : 0;
    if (quiet === 2) return;
    if (open.length > 0) await end(session, name, open);
    await waitALittle(call, `account ${name} still has open sessions`);
  }
}

async function end(session: Session, name: string, open: readonly number[]): Promise<void> {
  for (const text of session.dialect.endTexts(name, open)) {
    try {
      await session.change(text);
    } catch (thrown) {
      if (!is(thrown, 'noSuchSession')) throw thrown;
    }
  }
}

async function waitALittle(call: Call, why: string): Promise<void> {
  try {
    await pause(40, undefined, { signal: call.signal });
    refuseIfTooLate(call);
  } catch {
    throw new KeybatonError('UNAVAILABLE', `${why}; it is tried again`);
  }
}
