import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseCredentialId, parseVersionId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { openProofKey, possessionProof, proofKey, proofMatches, sealProofKey } from '../../evidence/possession.ts';
import type { ProofClaim } from '../../evidence/possession.ts';
import { proofVectors } from '../vectors/proofs.ts';

const version = parseVersionId(`kb${'a1b2c3d4e5'.repeat(3)}`);
const otherVersion = parseVersionId(`kb${'z'.repeat(30)}`);
const claim: ProofClaim = {
  credential: parseCredentialId('openai/prod/support-bot'),
  version,
  epoch: 4,
  consumer: 'support-bot',
  instance: 'support-bot-0',
};
const material = (value: string): SecretMaterial =>
  new SecretMaterial({ api_key: value, note: 'beside it' }, 'api_key');
const key = proofKey(material('value one'), version);

describe('proofs of possession', () => {
  test.each(proofVectors())('agree with the vector: $about', (vector) => {
    const named = parseVersionId(vector.version);
    const kv = proofKey(material(vector.value), named);
    expect(Buffer.from(kv).toString('hex')).toBe(vector.proofKey);
    const { epoch, consumer, instance } = vector;
    const made = { credential: parseCredentialId(vector.credential), version: named, epoch, consumer, instance };
    expect(possessionProof(kv, made)).toBe(vector.proof);
    expect(proofMatches(kv, made, vector.proof)).toBe(true);
  });

  test.each<[string, Partial<ProofClaim>]>([
    ['credential', { credential: parseCredentialId('openai/prod/other') }],
    ['version', { version: otherVersion }],
    ['epoch', { epoch: 5 }],
    ['consumer', { consumer: 'support' }],
    ['instance', { instance: 'support-bot-1' }],
  ])('a proof for another %s is refused', (_part, other) => {
    expect(proofMatches(key, { ...claim, ...other }, possessionProof(key, claim))).toBe(false);
  });

  test('a proof made with another value is refused', () => {
    const old = possessionProof(proofKey(material('value two'), version), claim);
    expect(proofMatches(key, claim, old)).toBe(false);
  });

  test('moving a character from the consumer to the instance makes another proof', () => {
    const one = possessionProof(key, { ...claim, consumer: 'ab', instance: 'c' });
    expect(possessionProof(key, { ...claim, consumer: 'a', instance: 'bc' })).not.toBe(one);
  });

  test('a part that holds the separator is refused', () => {
    expect(() => possessionProof(key, { ...claim, consumer: 'a\0b' })).toThrow(/NUL/);
  });

  test.each(['', 'abc', 'G'.repeat(64), 'A'.repeat(64), 'a'.repeat(65)])('a misshapen proof (%j) is a no', (proof) => {
    expect(proofMatches(key, claim, proof)).toBe(false);
  });

  test('an empty value proves nothing', () => {
    expect(() => proofKey(material(''), version)).toThrow(/empty/);
  });
});

describe('a sealed proof key', () => {
  const sealingKey = randomBytes(32);

  test('opens to the same key and shows nothing of it', () => {
    const sealed = sealProofKey(sealingKey, version, key);
    expect(Buffer.from(openProofKey(sealingKey, version, sealed))).toEqual(Buffer.from(key));
    expect(Buffer.from(sealed).includes(Buffer.from(key))).toBe(false);
  });

  test('is another one each time', () => {
    expect(sealProofKey(sealingKey, version, key)).not.toEqual(sealProofKey(sealingKey, version, key));
  });

  test('does not open as the key of another version', () => {
    const sealed = sealProofKey(sealingKey, version, key);
    expect(() => openProofKey(sealingKey, otherVersion, sealed)).toThrow(/cannot be opened/);
  });

  test('does not open under another installation key', () => {
    expect(() => openProofKey(randomBytes(32), version, sealProofKey(sealingKey, version, key))).toThrow(
      /installation key/,
    );
  });

  test('does not open when any byte of it was changed', () => {
    const sealed = sealProofKey(sealingKey, version, key);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Uint8Array.from(sealed, (byte, index) => (index === at ? byte ^ 1 : byte));
      expect(() => openProofKey(sealingKey, version, changed)).toThrow(/cannot be opened/);
    }
  });

  test('a key of another length is refused before anything is sealed', () => {
    expect(() => sealProofKey(randomBytes(16), version, key)).toThrow(/32 bytes/);
  });
});
