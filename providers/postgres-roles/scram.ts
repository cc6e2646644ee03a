import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { KeybatonError } from '../../domain/errors.ts';

const iterations = 4096;

/**
 * The verifier that PostgreSQL keeps in place of a password (RFC 5803). Computed here, so that the password itself never
 * reaches the server, its log or its statement statistics.
 */
export function scramVerifier(password: string, salt: Uint8Array): string {
  // For printable ASCII, SASLprep changes nothing; other passwords are never made here.
  if (!/^[\x21-\x7e]+$/.test(password)) {
    throw new KeybatonError('INVALID_CONFIG', 'a password for postgresql must be printable ascii without spaces');
  }
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const stored = createHash('sha256').update(keyed(salted, 'Client Key')).digest('base64');
  const server = keyed(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${Buffer.from(salt).toString('base64')}$${stored}:${server}`;
}

const keyed = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
