import { closeSync, openSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { KeybatonError } from '../../domain/errors.ts';
import { storeTrouble } from './store-trouble.ts';

export type VaultFile = Database.Database;

const schema = `
  CREATE TABLE IF NOT EXISTS vault (
    id INTEGER PRIMARY KEY CHECK (id = 1), key_id TEXT NOT NULL, salt BLOB NOT NULL, nonce BLOB NOT NULL, sealed BLOB NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS staged (
    path TEXT NOT NULL, version TEXT NOT NULL, credential TEXT NOT NULL, ref TEXT NOT NULL, field_names TEXT NOT NULL,
    key_id TEXT NOT NULL, salt BLOB NOT NULL, nonce BLOB NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (path, version)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS main (
    n INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, credential TEXT NOT NULL, version TEXT, epoch INTEGER,
    field_names TEXT NOT NULL, key_id TEXT, salt BLOB, nonce BLOB, sealed BLOB, written_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS keys (
    n INTEGER NOT NULL, key_id TEXT NOT NULL, master_id TEXT NOT NULL, salt BLOB NOT NULL, nonce BLOB NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (key_id, master_id)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS main_by_path ON main (path, n);
`;

/** Milliseconds one call waits for another process's write. The event loop stands still meanwhile, so it is short. */
const lockPatience = 2_000;

/**
 * Opens the file, or makes it with mode 0600. INVALID_CONFIG when others may read it: encrypted or not, who can copy it
 * can wait for the key. Several processes of one machine may hold it open.
 */
export function openVaultFile(file: string): VaultFile {
  let open: VaultFile | undefined;
  try {
    // Made by us and not by SQLite, which would let the umask decide; its -wal and -shm files take over the mode.
    closeSync(openSync(file, 'a', 0o600));
    const { mode } = statSync(file);
    if ((mode & 0o077) !== 0) {
      throw new KeybatonError(
        'INVALID_CONFIG',
        `the embedded vault ${file} can be read by others (mode ${(mode & 0o777).toString(8)}): chmod 600 it`,
      );
    }
    open = new Database(file, { timeout: lockPatience });
    open.pragma('journal_mode = WAL');
    open.pragma('synchronous = FULL');
    open.pragma('secure_delete = ON');
    // Nothing of the file lies anywhere but beside it.
    open.pragma('temp_store = MEMORY');
    open.exec(schema);
    return open;
  } catch (thrown) {
    open?.close();
    throw storeTrouble(thrown, file, 'read');
  }
}
