import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';

const keyLength = 32;

/** One master key in base64, or while it is being changed two with white space between them, the new one first. INVALID_CONFIG. */
export function parseMasterKeys(material: SecretMaterial): readonly [Uint8Array, ...Uint8Array[]] {
  const [first, ...others] = material
    .revealValue()
    .trim()
    .split(/\s+/)
    .map((text) => {
      const key = Buffer.from(text, 'base64');
      if (key.length === keyLength && key.toString('base64') === text) return key;
      throw new KeybatonError(
        'INVALID_CONFIG',
        'the master key of an embedded vault must be 32 bytes in base64 (44 characters); while it is being changed two of them, the new one first',
      );
    });
  if (first === undefined || others.length > 1) {
    throw new KeybatonError('INVALID_CONFIG', 'an embedded vault has one master key, or two while it is being changed');
  }
  return [first, ...others];
}
