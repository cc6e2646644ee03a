import { expect, test } from 'vitest';
import { fingerprint } from '../../activities/fingerprint.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';

const pepper = new Uint8Array(32).fill(7);
const material = new SecretMaterial({ api_key: 'sk-example' }, 'api_key');

test('a fingerprint is HMAC-SHA256 of provider, NUL and value under the pepper, with the pepper named', () => {
  // Computed apart: printf 'openai\0sk-example' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707...
  expect(fingerprint(pepper, 'p1', 'openai', material)).toBe(
    'kb1:p1:5c3cecb5604b9f2d57dae4695714331d00a6aed70e4e9970853d792e40df8fa7',
  );
});

test('the same value has another fingerprint at another provider, and under another pepper', () => {
  const one = fingerprint(pepper, 'p1', 'openai', material);
  expect(fingerprint(pepper, 'p1', 'anthropic', material)).not.toBe(one);
  expect(fingerprint(new Uint8Array(32).fill(8), 'p1', 'openai', material)).not.toBe(one);
});

test('fields beside the value do not count', () => {
  const more = new SecretMaterial({ api_key: 'sk-example', organisation: 'org-1' }, 'api_key');
  expect(fingerprint(pepper, 'p1', 'openai', more)).toBe(fingerprint(pepper, 'p1', 'openai', material));
});

test('a short pepper and an odd pepper id are refused', () => {
  expect(() => fingerprint(new Uint8Array(16), 'p1', 'openai', material)).toThrow(/32 bytes/);
  expect(() => fingerprint(pepper, 'p:1', 'openai', material)).toThrow(/pepper id/);
});
