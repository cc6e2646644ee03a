import { close as closeFile, fdatasync, open as openFile } from 'node:fs';
import { promisify } from 'node:util';
import type { VaultFile } from './vault-file.ts';
import { keepOnDisk, type Disk } from '../../domain/keep-on-disk.ts';

const opened = promisify((path: string, done: (error: Error | null, file: number) => void) =>
  openFile(path, 'r+', done),
);
const synced = promisify(fdatasync);
const closed = promisify(closeFile);

/**
 * As the ledger does it: commits of the vault reach the disk beside the event loop, once for all who wait, and before
 * anybody is told of them.
 */
export function diskOf(database: VaultFile, path: string): Disk {
  database.pragma('synchronous = NORMAL');
  const state = [database.prepare('select total_changes()').pluck(), database.prepare('pragma data_version').pluck()];
  let file: Promise<number> | undefined;
  return keepOnDisk({
    of: 'the embedded vault',
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
