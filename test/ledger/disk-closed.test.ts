import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { diskOf as diskOfVault } from '../../backends/embedded/disk.ts';
import { diskOf as diskOfLedger } from '../../ledger/disk.ts';
import { temporaryFolder, type TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';

describe.each([
  ['ledger', diskOfLedger],
  ['embedded vault', diskOfVault],
] as const)('the log of the %s', (_of, diskOf) => {
  let folder: TemporaryFolder;
  afterEach(() => folder.remove());

  function reader() {
    folder = temporaryFolder('log');
    const file = join(folder.path, 'some.sqlite');
    const database = new SqliteDatabase(file);
    database.pragma('journal_mode = WAL');
    database.exec('create table things (thing text)');
    const disk = diskOf(database, file);
    disk.look();
    return { database, disk };
  }

  it('is gone when its last reader ends, which is no trouble', async () => {
    const { database, disk } = reader();
    database.close();
    await expect(disk.close()).resolves.toBeUndefined();
    await expect(disk.close()).resolves.toBeUndefined();
  });

  it('is not called on disk when it is gone', async () => {
    const { database, disk } = reader();
    database.close();
    await expect(disk.settled()).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    await disk.close();
  });
});
