import { KeybatonError } from '../../domain/errors.ts';

/** A value that only the holder of the private key can read: libsodium's sealed box, in base64. */
export async function sealed(value: string, publicKey: string): Promise<string> {
  const { default: sodium } = await import('libsodium-wrappers');
  await sodium.ready;
  const key = Buffer.from(publicKey, 'base64');
  if (key.length !== sodium.crypto_box_PUBLICKEYBYTES) {
    throw new KeybatonError('UNAVAILABLE', 'github gave a public key that is none');
  }
  return Buffer.from(sodium.crypto_box_seal(Buffer.from(value, 'utf8'), key)).toString('base64');
}
