import { z } from 'zod';
import type { BackendCall } from '../backend.ts';
import { ensureInTime } from '../call.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { type Cipher, createCipher, type SealContext } from './cipher.ts';
import { storeTrouble } from './store-trouble.ts';
import { createEmbeddedStore, type EmbeddedStore } from './store.ts';
import { openVaultFile, type VaultFile } from './vault-file.ts';

/** The file of one embedded vault, opened at the first use and kept open. */
export interface EmbeddedVault {
  /** One consistent look. Errors as in the backend contract. */
  read<Answer>(look: (store: EmbeddedStore) => Answer): Answer;
  /** One transaction that holds the write lock from its start, so that what it looked at is what it changes. */
  write<Answer>(call: BackendCall, change: (store: EmbeddedStore) => Answer): Answer;
  /** Writes the log back and cuts it, so that no erased row lies in it. UNAVAILABLE while another process still reads it. */
  cutLog(): void;
  close(): void;
}

const check: SealContext = { kind: 'check', credential: '', path: '', version: '', epoch: undefined, fieldNames: [] };
const checkRow = z.object({
  key_id: z.string(),
  salt: z.instanceof(Uint8Array),
  nonce: z.instanceof(Uint8Array),
  sealed: z.instanceof(Uint8Array),
});

/** `connect` makes the connection; only tests give another, to limit what SQLite may use. */
export function embeddedVault(file: string, key: () => Uint8Array, connect = openVaultFile): EmbeddedVault {
  let opened: { readonly database: VaultFile; readonly store: EmbeddedStore } | undefined;

  function open() {
    if (opened !== undefined) return opened;
    const cipher = createCipher(key());
    const database = connect(file);
    try {
      ensureOurKey(database, cipher);
      opened = { database, store: createEmbeddedStore(database, cipher) };
      return opened;
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  }

  function guarded<Answer>(doing: 'read' | 'write', run: (parts: NonNullable<typeof opened>) => Answer): Answer {
    try {
      return run(open());
    } catch (thrown) {
      throw storeTrouble(thrown, file, doing);
    }
  }

  return {
    read: (look) => guarded('read', ({ database, store }) => database.transaction(() => look(store)).deferred()),
    write: (call, change) =>
      guarded('write', ({ database, store }) => {
        ensureInTime(call);
        return database
          .transaction(() => {
            // Waiting for the lock took time.
            ensureInTime(call);
            const answer = change(store);
            ensureInTime(call);
            return answer;
          })
          .immediate();
      }),
    cutLog: () =>
      guarded('read', ({ database }) => {
        const [result] = z.array(z.object({ busy: z.number() })).parse(database.pragma('wal_checkpoint(TRUNCATE)'));
        if (result?.busy !== 0) {
          throw new KeybatonError(
            'UNAVAILABLE',
            `locked: a reader keeps the log of the embedded vault ${file} open, so erased rows still lie in it`,
          );
        }
      }),
    close() {
      opened?.database.close();
      opened = undefined;
    },
  };
}

/** The first process seals a check; every later one must be able to open it. Also right for a vault that is still empty. */
function ensureOurKey(database: VaultFile, cipher: Cipher): void {
  const found = database.prepare('SELECT key_id, salt, nonce, sealed FROM vault').get();
  if (found === undefined) {
    const { keyId, salt, nonce, text } = cipher.seal('keybaton', check);
    // Two processes may start at once: the second finds the first one's row.
    database
      .prepare('INSERT INTO vault (id, key_id, salt, nonce, sealed) VALUES (1, ?, ?, ?, ?) ON CONFLICT DO NOTHING')
      .run(keyId, salt, nonce, text);
  }
  const row = checkRow.parse(database.prepare('SELECT key_id, salt, nonce, sealed FROM vault').get());
  cipher.open({ keyId: row.key_id, salt: row.salt, nonce: row.nonce, text: row.sealed }, check);
}
