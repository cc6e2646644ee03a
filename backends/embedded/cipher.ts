import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { KeybatonError } from '../../domain/errors.ts';

/** What a sealed text belongs to. It is bound to it: a row copied to another place, version or epoch does not open. */
export interface SealContext {
  readonly kind: 'staged' | 'main' | 'check' | 'key';
  readonly credential: string;
  readonly path: string;
  readonly version: string;
  readonly epoch: number | undefined;
  readonly fieldNames: readonly string[];
}

export interface Sealed {
  /** Names the key, so that rows under a former one can be opened, found and sealed anew. No secret. */
  readonly keyId: string;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly text: Uint8Array;
}

export interface Cipher {
  readonly keyId: string;
  seal(plain: string, context: SealContext): Sealed;
  /** ACCESS_DENIED for another key, VERIFICATION_FAILED when the row was changed or moved. */
  open(sealed: Sealed, context: SealContext): string;
}

const tagLength = 16;
/** Row keys of one data key that are remembered, as long as it is. */
const rowKeysKept = 1_000;

/**
 * AES-256-GCM under a key of its own for each row (HKDF-SHA-256 with a random salt): random 96-bit nonces never meet
 * under one key, however many rows there will be.
 */
export function createCipher(key: Uint8Array): Cipher {
  if (key.length !== 32) throw new KeybatonError('INVALID_CONFIG', 'the key of the embedded vault must have 32 bytes');
  const keyId = createHash('sha256')
    .update(Buffer.from(hkdfSync('sha256', key, new Uint8Array(), 'keybaton embedded key id', 32)))
    .digest('hex')
    .slice(0, 16);
  const secret = createSecretKey(key);
  const rowKeys = new Map<string, KeyObject>();

  /** A row is opened many times in its life, and its key costs more than opening it. */
  function rowKey(salt: Uint8Array): KeyObject {
    const name = Buffer.from(salt).toString('latin1');
    const known = rowKeys.get(name);
    if (known !== undefined) return known;
    const derived = createSecretKey(new Uint8Array(hkdfSync('sha256', secret, salt, 'keybaton embedded row', 32)));
    const [oldest] = rowKeys.keys();
    if (rowKeys.size >= rowKeysKept && oldest !== undefined) rowKeys.delete(oldest);
    rowKeys.set(name, derived);
    return derived;
  }

  return {
    keyId,
    seal(plain, context) {
      const salt = randomBytes(16);
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', rowKey(salt), nonce, { authTagLength: tagLength });
      cipher.setAAD(associated(keyId, context));
      const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return { keyId, salt, nonce, text };
    },
    open(sealed, context) {
      if (sealed.keyId !== keyId) {
        throw new KeybatonError(
          'ACCESS_DENIED',
          `a ${context.kind} row in the embedded vault lies under key ${sealed.keyId}, and key ${keyId} was tried`,
        );
      }
      try {
        const decipher = createDecipheriv('aes-256-gcm', rowKey(sealed.salt), sealed.nonce, {
          authTagLength: tagLength,
        });
        decipher.setAAD(associated(keyId, context));
        decipher.setAuthTag(sealed.text.subarray(-tagLength));
        return decipher.update(sealed.text.subarray(0, -tagLength), undefined, 'utf8') + decipher.final('utf8');
      } catch {
        throw new KeybatonError(
          'VERIFICATION_FAILED',
          `a ${context.kind} row of ${context.path || 'the file'} in the embedded vault was changed or moved outside keybaton`,
        );
      }
    },
  };
}

function associated(keyId: string, { kind, credential, path, version, epoch, fieldNames }: SealContext): Buffer {
  // JSON keeps the parts apart: no text inside one can look like the start of the next.
  return Buffer.from(
    JSON.stringify([
      'keybaton embedded 1',
      keyId,
      kind,
      credential,
      path,
      version,
      epoch ?? null,
      [...fieldNames].sort(),
    ]),
  );
}
