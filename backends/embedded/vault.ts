import { z } from 'zod';
import type { BackendCall } from '../backend.ts';
import { ensureInTime } from '../call.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { Disk } from '../../domain/keep-on-disk.ts';
import { type ChangedKey, changeKey, type KeyChangeStep } from './change-key.ts';
import { diskOf } from './disk.ts';
import { createKeyring, ensureKeys, type Keyring } from './keyring.ts';
import { storeTrouble } from './store-trouble.ts';
import { createEmbeddedStore, type EmbeddedStore } from './store.ts';
import { openVaultFile, type VaultFile } from './vault-file.ts';

/** The file of one embedded vault, opened at the first use and kept open. */
export interface EmbeddedVault {
  /** Reads the master keys that the backend refers to, at the moment of use; nothing to do for the derived one. */
  ready(): Promise<void>;
  /** One consistent look. Errors as in the backend contract. */
  read<Answer>(look: (store: EmbeddedStore) => Answer): Answer;
  /** One transaction that holds the write lock from its start, so that what it looked at is what it changes. */
  write<Answer>(call: BackendCall, change: (store: EmbeddedStore) => Answer): Answer;
  /** Writes the log back and cuts it, so that no erased row lies in it. UNAVAILABLE while another process still reads it. */
  cutLog(): void;
  /** See `changeKey`. `at` is told each step. */
  changeKey(call: BackendCall, at?: (step: KeyChangeStep) => void): Promise<ChangedKey>;
  /** Resolves when all that was written and seen here is on disk: until then nobody is told of it. AMBIGUOUS. */
  settled(): Promise<void>;
  close(): void;
}

interface Opened {
  readonly database: VaultFile;
  readonly store: EmbeddedStore;
  readonly keyring: Keyring;
  /** None where SQLite keeps no log of its own: each commit is on disk then. */
  readonly disk: Disk | undefined;
  /** Run within one transaction; prepared once, since each preparation costs more than a read. */
  readonly reading: (look: () => void) => void;
  readonly writing: (change: () => void) => void;
}

export interface EmbeddedVaultOptions {
  /** Makes the connection; only tests give another, to limit what SQLite may use. */
  readonly connect?: (file: string) => VaultFile;
  /** Master keys of the vault's own: data keys are wrapped under these, and the derived one only opens what lies under it. */
  readonly own?: () => Promise<readonly [Uint8Array, ...Uint8Array[]]>;
}

/** `derived` answers the master key that comes from the installation key. */
export function embeddedVault(
  file: string,
  derived: () => Uint8Array,
  { connect = openVaultFile, own }: EmbeddedVaultOptions = {},
): EmbeddedVault {
  let opened: Opened | undefined;
  let owned: readonly [Uint8Array, ...Uint8Array[]] | undefined;

  function masters() {
    if (own === undefined) return { wrap: [derived()] as const, accept: [] };
    if (owned !== undefined) return { wrap: owned, accept: [derived()] };
    throw new KeybatonError('INVALID_CONFIG', `the master key of the embedded vault ${file} has not been read`);
  }

  function open() {
    if (opened !== undefined) return opened;
    masters();
    const database = connect(file);
    try {
      const keyring = createKeyring(database, masters);
      ensureKeys(database, keyring);
      const logged = database.pragma('journal_mode', { simple: true }) === 'wal';
      const disk = logged ? diskOf(database, file) : undefined;
      const within = database.transaction((run: () => void) => run());
      const store = createEmbeddedStore(database, keyring);
      opened = {
        database,
        store,
        keyring,
        disk,
        reading: (run) => within.deferred(run),
        writing: (run) => within.immediate(run),
      };
      return opened;
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  }

  function guarded<Answer>(doing: 'read' | 'write', run: (parts: Opened) => Answer): Answer {
    try {
      return run(open());
    } catch (thrown) {
      throw storeTrouble(thrown, file, doing);
    }
  }

  function cutLog(): void {
    guarded('read', ({ database }) => {
      const [result] = z.array(z.object({ busy: z.number() })).parse(database.pragma('wal_checkpoint(TRUNCATE)'));
      if (result?.busy !== 0) {
        throw new KeybatonError(
          'UNAVAILABLE',
          `locked: a reader keeps the log of the embedded vault ${file} open, so erased rows still lie in it`,
        );
      }
    });
  }

  return {
    async ready() {
      if (own !== undefined) owned = await own();
    },
    read: (look) =>
      guarded('read', ({ reading, store, disk }) =>
        answered(reading, () => {
          try {
            return look(store);
          } finally {
            disk?.look();
          }
        }),
      ),
    write: (call, change) =>
      guarded('write', ({ writing, store, disk }) => {
        ensureInTime(call);
        const written = answered(writing, () => {
          // Waiting for the lock took time.
          ensureInTime(call);
          const answer = change(store);
          ensureInTime(call);
          return answer;
        });
        disk?.look();
        return written;
      }),
    async settled() {
      await opened?.disk?.settled();
    },
    cutLog,
    async changeKey(call, at) {
      const { database, keyring } = guarded('write', (parts) => parts);
      const change = { file: database, keyring, cutLog, guarded: <Answer>(run: () => Answer) => guarded('write', run) };
      const changed = await changeKey({ ...change, ...(at !== undefined && { at }) }, call);
      guarded('read', ({ disk }) => disk?.look());
      await opened?.disk?.settled();
      return changed;
    },
    close() {
      opened?.database.close();
      void opened?.disk?.close();
      opened = undefined;
    },
  };
}

/** What `run` answers, run by somebody who calls it once or throws. */
function answered<Answer>(within: (run: () => void) => void, run: () => Answer): Answer {
  const answers: Answer[] = [];
  within(() => void answers.push(run()));
  const [answer] = answers;
  // An answer of `undefined` is one too.
  return answer as Answer;
}
