import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KeybatonError } from '../../domain/errors.ts';

/** One sign-in, as the signed token that stands for it says. */
export interface SessionMark {
  readonly id: string;
  readonly expiresAt: number;
}

/** Sign-ins that were ended before their time. */
export interface EndedSessions {
  /** On disk when it returns. Again: no change. */
  end(session: SessionMark, now: number): Promise<void>;
  /** Asks the disk alone: needs neither ledger nor identity provider. */
  has(session: SessionMark): Promise<boolean>;
}

/**
 * One empty file for each, mode 0600, that is gone once the sign-in would have ended anyway: its name says which it was and
 * until when, so that no process of the folder has to read what another one writes.
 */
export function openEndedSessions(folder: string): EndedSessions {
  const nameOf = ({ id, expiresAt }: SessionMark): string => `${id}.${String(expiresAt)}`;
  return {
    async end(session, now) {
      if (!/^[\w-]{8,64}$/.test(session.id)) throw new KeybatonError('INVALID_CONFIG', 'this is no sign-in of ours');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const file = await open(join(folder, nameOf(session)), 'a', 0o600);
      await file.sync().finally(() => file.close());
      const directory = await open(folder, 'r');
      await directory.sync().finally(() => directory.close());
      for (const name of await readdir(folder))
        if (Number(name.split('.')[1]) < now) await rm(join(folder, name), { force: true });
    },
    async has(session) {
      try {
        await stat(join(folder, nameOf(session)));
        return true;
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
        throw error;
      }
    },
  };
}
