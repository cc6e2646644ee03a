import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';

/**
 * Possession (protocol 6): a keyed proof that only a holder of the value can make.
 *
 *     Kv    = HMAC-SHA256(key: value as UTF-8, "keybaton-proof" NUL versionId)
 *     proof = HMAC-SHA256(key: Kv, credential NUL version NUL epoch NUL consumer NUL instance)
 *
 * Parts are UTF-8, the epoch is decimal without sign or leading zeros, NUL is one byte 0 and occurs in no part, so that
 * no two claims give the same bytes. A proof travels as 64 lower-case hexadecimal digits.
 * `test/vectors/proofs.json` holds both sides to this.
 */
export interface ProofClaim {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly epoch: number;
  readonly consumer: string;
  readonly instance: string;
}

/** Kv of a version: made where the value is staged, sealed, and stored with the version's record. */
export function proofKey(material: SecretMaterial, version: VersionId): Uint8Array {
  const value = material.revealValue();
  if (value === '') throw new KeybatonError('INVALID_CONFIG', 'the value is empty: nothing can be proved with it');
  return hmac(value, ['keybaton-proof', version]);
}

/** The proof for one claim, in hexadecimal. */
export function possessionProof(key: Uint8Array, claim: ProofClaim): string {
  return Buffer.from(claimDigest(key, claim)).toString('hex');
}

/** Does this proof belong to this claim under this Kv? Compared in constant time; anything misshapen is a no. */
export function proofMatches(key: Uint8Array, claim: ProofClaim, proof: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(proof)) return false;
  return timingSafeEqual(claimDigest(key, claim), Buffer.from(proof, 'hex'));
}

function claimDigest(key: Uint8Array, claim: ProofClaim): Uint8Array {
  if (!Number.isSafeInteger(claim.epoch) || claim.epoch < 1) {
    throw new KeybatonError('INVALID_CONFIG', 'an epoch is a whole number from 1');
  }
  return hmac(key, [claim.credential, claim.version, String(claim.epoch), claim.consumer, claim.instance]);
}

function hmac(key: string | Uint8Array, parts: readonly string[]): Uint8Array {
  if (parts.some((part) => part.includes('\0'))) {
    throw new KeybatonError('INVALID_CONFIG', 'a part of a proof holds a NUL character');
  }
  return createHmac('sha256', key).update(parts.join('\0'), 'utf8').digest();
}

/** Sealed Kv: one byte of format, 12 of nonce, 32 of ciphertext, 16 of tag. */
const format = 1;
const nonceLength = 12;
const tagLength = 16;
const keyLength = 32;

/**
 * Kv as the ledger keeps it: AES-256-GCM under a 32-byte key derived for this purpose, bound to the version id, so that
 * a sealed key moved to another version's record does not open.
 */
export function sealProofKey(sealingKey: Uint8Array, version: VersionId, key: Uint8Array): Uint8Array {
  checkSealingKey(sealingKey);
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce).setAAD(associated(version));
  const sealed = Buffer.concat([cipher.update(key), cipher.final()]);
  return Buffer.concat([Buffer.of(format), nonce, sealed, cipher.getAuthTag()]);
}

/** Throws VERIFICATION_FAILED when the record is damaged, another version's, or sealed under another installation key. */
export function openProofKey(sealingKey: Uint8Array, version: VersionId, sealed: Uint8Array): Uint8Array {
  checkSealingKey(sealingKey);
  const bytes = Buffer.from(sealed);
  if (bytes.length !== 1 + nonceLength + keyLength + tagLength || bytes[0] !== format) throw notOurs(undefined);
  const decipher = createDecipheriv('aes-256-gcm', sealingKey, bytes.subarray(1, 1 + nonceLength));
  decipher.setAAD(associated(version));
  decipher.setAuthTag(bytes.subarray(-tagLength));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(1 + nonceLength, -tagLength)), decipher.final()]);
  } catch (error) {
    throw notOurs(error);
  }
}

function associated(version: VersionId): Buffer {
  return Buffer.from(`keybaton proof key\0${version}`, 'utf8');
}

function notOurs(cause: unknown): KeybatonError {
  return new KeybatonError(
    'VERIFICATION_FAILED',
    'the proof key of this version cannot be opened: check that this process has the installation key it was sealed with',
    { cause },
  );
}

function checkSealingKey(sealingKey: Uint8Array): void {
  if (sealingKey.length !== keyLength) throw new KeybatonError('INVALID_CONFIG', 'the key for proofs must be 32 bytes');
}
