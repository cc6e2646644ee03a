import { close as closeFile, fdatasync, open as openFile } from 'node:fs';
import { promisify } from 'node:util';
import type SqliteDatabase from 'better-sqlite3';
import { keepOnDisk, type Disk } from '../domain/keep-on-disk.ts';

const opened = promisify((path: string, done: (error: Error | null, file: number) => void) =>
  openFile(path, 'r+', done),
);
const synced = promisify(fdatasync);
const closed = promisify(closeFile);

/**
 * SQLite waits for the disk inside each commit, and the whole process with it: every timer, heartbeat and kill. So it
 * leaves that to us (`synchronous = NORMAL`: the log is in order, and is synced before anything is moved out of it), and
 * the log is synced here, beside the event loop, once for all who wait. Its file stays the same as long as the connection
 * is open.
 */
export function diskOf(database: SqliteDatabase.Database, path: string): Disk {
  database.pragma('synchronous = NORMAL');
  const state = [database.prepare('select total_changes()').pluck(), database.prepare('pragma data_version').pluck()];
  let file: Promise<number> | undefined;
  return keepOnDisk({
    of: 'the ledger',
    state: () => state.map((one) => String(one.get())).join(' '),
    async sync() {
      await synced(await (file ??= opened(`${path}-wal`)));
    },
    async close() {
      // Who ends last takes the log away, and what could not be opened needs no closing: who waited for it was told.
      const number = await file?.catch(() => undefined);
      if (number !== undefined) await closed(number);
    },
  });
}
