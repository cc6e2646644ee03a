import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { BackendCall } from '../backend.ts';
import { ensureInTime } from '../call.ts';
import { codeOf, KeybatonError } from '../../domain/errors.ts';
import type { Keyring } from './keyring.ts';
import { checkContext, checkRow, unsealed } from './rows.ts';
import { sealAnew, type SealedTable } from './seal-anew.ts';
import type { VaultFile } from './vault-file.ts';

export interface ChangedKey {
  /** Id of the key that everything lies under now. No secret. */
  readonly key: string;
  /** Ids of the keys that were dropped. */
  readonly dropped: readonly string[];
  /** Rows that were sealed anew by this call. */
  readonly rows: number;
  /** An earlier change that was interrupted has been ended; no further key was made. */
  readonly wentOn: boolean;
}

/** Where a change stands; tests stop it there. `inside` is said within a transaction that is not committed. */
export type KeyChangeStep =
  'inside-make' | 'made' | 'inside-rows' | 'some-rows' | 'all-rows' | 'inside-drop' | 'dropped';

export interface KeyChange {
  readonly file: VaultFile;
  readonly keyring: Keyring;
  readonly cutLog: () => void;
  /** SQLite's complaints in our codes. */
  readonly guarded: <Answer>(run: () => Answer) => Answer;
  readonly at?: (step: KeyChangeStep) => void;
}

/** Rows of one transaction: others wait for the write lock no longer than this takes. */
const batch = 100;
/** Milliseconds between two tries while another process holds the lock or the log. */
const again = 25;

/**
 * A new data key, every row sealed anew under it, the former keys dropped last. Readers and writers of all processes go
 * on meanwhile: what is new lies under the new key at once, and each row names its own. Interrupted anywhere, the next
 * call goes on. VERIFICATION_FAILED when rows do not open: then their key stays. UNAVAILABLE at the call's deadline.
 */
export async function changeKey(change: KeyChange, call: BackendCall): Promise<ChangedKey> {
  const { file, keyring, at = () => undefined } = change;
  const exclusively = <Answer>(run: () => Answer): Promise<Answer> =>
    patiently(call, () => change.guarded(() => file.transaction(run).immediate()));

  const wentOn = await exclusively(() => {
    if (keyring.ids().length > 1) return true;
    keyring.make();
    at('inside-make');
    return false;
  });
  at('made');

  let rows = 0;
  const damaged = new Set<string>();
  for (const table of ['staged', 'main'] as const satisfies readonly SealedTable[]) {
    for (let after: number | undefined = 0; after !== undefined;) {
      const from: number = after;
      const pass = await exclusively(() => {
        const done = sealAnew(file, table, (id) => keyring.named(id), keyring.newest(), { after: from, limit: batch });
        at('inside-rows');
        return done;
      });
      rows += pass.done;
      for (const path of pass.damaged) damaged.add(path);
      after = pass.after;
      at('some-rows');
      // The lock is not fair: whoever waits for it must find it free.
      await pause(1);
    }
  }
  at('all-rows');

  const { key, dropped } = await exclusively(() => {
    const ended = drop(change);
    at('inside-drop');
    return ended;
  });
  at('dropped');
  // Else the dropped keys would lie in the log, wrapped.
  await patiently(call, change.cutLog);
  const [first] = damaged;
  if (first === undefined) return { key, dropped, rows, wentOn };
  throw new KeybatonError(
    'VERIFICATION_FAILED',
    `rows at ${[...damaged].slice(0, 5).join(', ')} were changed or moved outside keybaton and do not open, so their key stays: rotate those credentials and destroy what lies there, then try again`,
  );
}

/** Drops every key that no row names any more, and wraps those that stay anew. */
function drop({ file, keyring }: KeyChange): Pick<ChangedKey, 'key' | 'dropped'> {
  const cipher = keyring.newest();
  const check = checkRow.parse(file.prepare('SELECT key_id, salt, nonce, sealed FROM vault').get());
  if (check.key_id !== cipher.keyId) {
    const plain = keyring.named(check.key_id).open(unsealed(check), checkContext);
    file
      .prepare('UPDATE vault SET key_id = @keyId, salt = @salt, nonce = @nonce, sealed = @text')
      .run(cipher.seal(plain, checkContext));
  }
  const named = new Set(
    z
      .array(z.string())
      .parse(
        file.prepare('SELECT key_id FROM staged UNION SELECT key_id FROM main WHERE key_id IS NOT NULL').pluck().all(),
      ),
  );
  const dropped = keyring.ids().filter((id) => id !== cipher.keyId && !named.has(id));
  for (const id of dropped) keyring.forget(id);
  keyring.wrapAnew(keyring.ids());
  return { key: cipher.keyId, dropped };
}

/** Again while another process is in the way, until the call's deadline. */
async function patiently<Answer>(call: BackendCall, attempt: () => Answer): Promise<Answer> {
  for (;;) {
    ensureInTime(call);
    try {
      return attempt();
    } catch (thrown) {
      if (codeOf(thrown) !== 'UNAVAILABLE' || call.signal.aborted || call.now() + again >= call.deadline) throw thrown;
      await pause(again);
    }
  }
}
