import { expect } from 'vitest';
import { sheetReader, type SheetText } from '../../ledger/kill-sheet-reading.ts';
import { openPostgres } from '../../ledger/postgres.ts';
import { openSqlite } from '../../ledger/sqlite.ts';
import { openStore } from '../../ledger/store.ts';
import { filePath } from './places.ts';

/** Makes kill sheets of a ledger that others write. */
export interface Sheets {
  /** One more, from what changed since the first, must be what a reader makes that knows nothing. */
  expectWhole(): Promise<void>;
  close(): Promise<void>;
}

export async function followSheets(url: string): Promise<Sheets> {
  const embedded = url.startsWith('sqlite:');
  const database = embedded ? await openSqlite(filePath(url)) : openPostgres(url);
  const store = openStore(database.db, embedded ? 'sqlite' : 'postgres', undefined, database.disk);
  const ofReader = (read = sheetReader('inst')) => store.read((db) => read(db, 0, -1));
  const following = sheetReader('inst');
  const parsed = (sheet: SheetText | undefined): unknown => JSON.parse(sheet?.text ?? 'null');
  await ofReader(following);
  return {
    async expectWhole() {
      expect(parsed(await ofReader(following))).toEqual(parsed(await ofReader()));
    },
    close: () => store.close(),
  };
}
