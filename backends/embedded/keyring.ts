import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { type Cipher, createCipher } from './cipher.ts';
import { checkContext, checkRow, keyContext, unsealed, wrappedKey } from './rows.ts';
import { sealAnew } from './seal-anew.ts';
import type { VaultFile } from './vault-file.ts';

/** The master keys of a process: data keys are wrapped under every one of `wrap`, and opened by any of both. */
export interface Masters {
  readonly wrap: readonly [Uint8Array, ...Uint8Array[]];
  readonly accept: readonly Uint8Array[];
}

/** The data keys of the file, each looked up when it is first named: another process may have made it a moment ago. */
export interface Keyring {
  /** What everything new is sealed under: the newest key of the file, as the caller's transaction sees it. */
  newest(): Cipher;
  /** ACCESS_DENIED when the file holds it under no master key of this process. */
  named(keyId: string): Cipher;
  /** Every key of the file, newest first. */
  ids(): readonly string[];
  /** A new newest key, wrapped under the masters to wrap under. */
  make(): Cipher;
  /** Wraps these keys under the masters to wrap under, and under no other. */
  wrapAnew(keyIds: readonly string[]): void;
  forget(keyId: string): void;
}

const idsAsText = z.array(z.string());

export function createKeyring(file: VaultFile, masters: () => Masters): Keyring {
  const selectNewest = file.prepare('SELECT key_id FROM keys ORDER BY n DESC LIMIT 1').pluck();
  const selectIds = file.prepare('SELECT key_id FROM keys GROUP BY key_id ORDER BY max(n) DESC').pluck();
  const selectWraps = file.prepare('SELECT * FROM keys WHERE key_id = ?');
  const nextNumber = file.prepare('SELECT coalesce(max(n), 0) + 1 FROM keys').pluck();
  const insertWrap = file.prepare(
    `INSERT INTO keys (n, key_id, master_id, salt, nonce, sealed) VALUES (@n, @id, @keyId, @salt, @nonce, @text)`,
  );
  const deleteKey = file.prepare('DELETE FROM keys WHERE key_id = ?');
  const known = new Map<string, { readonly cipher: Cipher; readonly key: Uint8Array }>();
  let newestId: string | undefined;

  const ids = (): readonly string[] => idsAsText.parse(selectIds.all());

  function lookUp(keyId: string) {
    const given = masters();
    const ours = [...given.wrap, ...given.accept].map(createCipher);
    const wraps = selectWraps.all(keyId).map(wrappedKey);
    for (const { sealed } of wraps) {
      const master = ours.find((one) => one.keyId === sealed.keyId);
      if (master === undefined) continue;
      const key = Buffer.from(master.open(sealed, keyContext(keyId)), 'base64');
      return { cipher: createCipher(key), key };
    }
    const under = wraps.map(({ sealed }) => sealed.keyId).join(' or ') || keyId;
    throw new KeybatonError(
      'ACCESS_DENIED',
      `the embedded vault was written under key ${under}, this process has key ${ours.map(({ keyId: id }) => id).join(' and ')}: start with the installation key it was made with, or the master key that its backend refers to`,
    );
  }

  function entryOf(keyId: string) {
    const found = known.get(keyId) ?? lookUp(keyId);
    known.set(keyId, found);
    return found;
  }

  function wrap(n: number, id: string, key: Uint8Array): void {
    for (const master of new Map(masters().wrap.map((one) => [createCipher(one).keyId, one])).values()) {
      const sealed = createCipher(master).seal(Buffer.from(key).toString('base64'), keyContext(id));
      insertWrap.run({ n, id, ...sealed });
    }
  }

  return {
    ids,
    named(keyId) {
      if (known.has(keyId)) return entryOf(keyId).cipher;
      // Rows of the first format lie under the master key itself.
      const given = masters();
      const master = [...given.wrap, ...given.accept].map(createCipher).find((one) => one.keyId === keyId);
      return master ?? entryOf(keyId).cipher;
    },
    newest() {
      const id = z.string().parse(selectNewest.get());
      if (id !== newestId) {
        const left = new Set(ids());
        for (const one of known.keys()) if (!left.has(one)) known.delete(one);
        newestId = id;
      }
      return entryOf(id).cipher;
    },
    make() {
      const key = randomBytes(32);
      const cipher = createCipher(key);
      wrap(z.number().parse(nextNumber.get()), cipher.keyId, key);
      // Not remembered: the transaction that makes it may not be committed.
      return cipher;
    },
    wrapAnew(keyIds) {
      for (const id of keyIds) {
        const { key } = entryOf(id);
        const [{ n } = { n: 0 }] = selectWraps.all(id).map(wrappedKey);
        deleteKey.run(id);
        wrap(n, id, key);
      }
    },
    forget(keyId) {
      deleteKey.run(keyId);
      known.delete(keyId);
    },
  };
}

/**
 * Makes the first key of a new file, and of one in the first format, whose rows lay under the master key itself: they
 * are sealed anew in the same transaction. ACCESS_DENIED when the file was made under a master key of somebody else.
 */
export function ensureKeys(file: VaultFile, keyring: Keyring): void {
  if (keyring.ids().length === 0) {
    file
      .transaction(() => {
        // Two processes may start at once: the second finds the first one's key.
        if (keyring.ids().length > 0) return;
        const found = file.prepare('SELECT key_id, salt, nonce, sealed FROM vault').get();
        if (found !== undefined) {
          const check = checkRow.parse(found);
          keyring.named(check.key_id).open(unsealed(check), checkContext);
        }
        const cipher = keyring.make();
        for (const table of ['staged', 'main'] as const) {
          // What somebody changed by hand stays as it is, and says so when it is read.
          sealAnew(file, table, (keyId) => keyring.named(keyId), cipher, { after: 0, limit: undefined });
        }
        const { keyId, salt, nonce, text } = cipher.seal('keybaton', checkContext);
        // Also what makes a process of the first format refuse this file.
        file
          .prepare('INSERT OR REPLACE INTO vault (id, key_id, salt, nonce, sealed) VALUES (1, ?, ?, ?, ?)')
          .run(keyId, salt, nonce, text);
      })
      .immediate();
  }
  file.transaction(() => keyring.newest()).deferred();
}
