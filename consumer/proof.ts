import { createHmac } from 'node:crypto';

export interface ProofParts {
  readonly credential: string;
  readonly version: string;
  readonly epoch: number;
  readonly consumer: string;
  readonly instance: string;
}

/**
 * The proof that we hold a value, without showing it:
 * Kv = HMAC-SHA256(value, "keybaton-proof" NUL version), proof = HMAC-SHA256(Kv, credential NUL version NUL epoch NUL
 * consumer NUL instance), in hexadecimal.
 */
export function possessionProof(value: string, parts: ProofParts): string {
  const { credential, version, epoch, consumer, instance } = parts;
  const key = createHmac('sha256', value).update(`keybaton-proof\0${version}`, 'utf8').digest();
  const claim = [credential, version, String(epoch), consumer, instance].join('\0');
  return createHmac('sha256', key).update(claim, 'utf8').digest('hex');
}
