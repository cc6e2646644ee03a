import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { KeybatonError } from '../domain/errors.ts';
import type { InstallationKey } from './installation-key.ts';

const encoding = 'binary/keybaton-sealed';
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);
const nonceLength = 12;
const tagLength = 16;

/**
 * Seals what Temporal keeps of workflows (AES-256-GCM, a key of its own by HKDF). Defence in depth and off by default:
 * no secret goes into a payload in the first place, and tests search for them with this codec off.
 */
export function payloadCodec(key: InstallationKey): PayloadCodec {
  const sealing = key.derive('temporal-payloads');
  return {
    encode: async (payloads) => payloads.map((payload) => seal(payload, sealing, key.id)),
    decode: async (payloads) => payloads.map((payload) => open(payload, sealing, key.id)),
  };
}

function seal(payload: Payload, key: Uint8Array, keyId: string): Payload {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(bytes(keyId));
  const plain = proto.temporal.api.common.v1.Payload.encode(payload).finish();
  const data = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { metadata: { encoding: bytes(encoding), key: bytes(keyId) }, data };
}

/** What an earlier process wrote unsealed is read as it is. */
function open(payload: Payload, key: Uint8Array, keyId: string): Payload {
  const { metadata, data } = payload;
  if (metadata?.['encoding'] === undefined || metadata['encoding'] === null || text(metadata['encoding']) !== encoding)
    return payload;
  const sealedWith = metadata['key'] ? text(metadata['key']) : 'none';
  if (!data || sealedWith !== keyId) {
    throw new KeybatonError(
      'ACCESS_DENIED',
      `a payload is sealed with installation key ${sealedWith}, and this process has ${keyId}`,
    );
  }
  const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, nonceLength)).setAAD(bytes(keyId));
  decipher.setAuthTag(data.subarray(-tagLength));
  const plain = Buffer.concat([decipher.update(data.subarray(nonceLength, -tagLength)), decipher.final()]);
  return proto.temporal.api.common.v1.Payload.decode(plain);
}
