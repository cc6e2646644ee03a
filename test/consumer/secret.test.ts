import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { possessionProof } from '../../consumer/proof.ts';
import { isRefused } from '../../consumer/refused.ts';
import { makeSecret } from '../../consumer/secret.ts';
import { proofVectors } from '../vectors/proofs.ts';

const value = 'canary-7b2d';
const secret = makeSecret({
  fields: { username: 'someone', password: value },
  version: `kb${'a'.repeat(30)}`,
  epoch: 3,
});

test('a field by its name is the plain value, and fields can be spread', () => {
  expect(secret.fields['password']).toBe(value);
  expect({ ...secret.fields }).toEqual({ username: 'someone', password: value });
});

test.each<[string, () => string]>([
  ['console.log', () => format(secret, secret.fields)],
  ['inspect', () => inspect({ inside: { secret, fields: secret.fields } }, { depth: 9, showHidden: true })],
  // As untyped code would do it.
  ['a template', () => `${secret as unknown as string} ${secret.fields as unknown as string}`],
])('%s shows no value', (_how, print) => {
  expect(print()).toContain('[secret');
  expect(print()).not.toContain(value);
});

test('JSON refuses a secret and its fields', () => {
  expect(() => JSON.stringify({ secret })).toThrow('must not be serialised');
  expect(() => JSON.stringify({ fields: secret.fields })).toThrow('must not be serialised');
});

test.each(proofVectors())('proofs agree with the vector: $about', ({ value: held, proof, ...parts }) => {
  expect(possessionProof(held, parts)).toBe(proof);
});

test.each([
  [{ status: 401 }, true],
  [{ statusCode: 401 }, true],
  [{ response: { status: 401 } }, true],
  [{ code: '28P01' }, true],
  [{ code: '28000' }, true],
  [{ status: 403 }, false],
  [{ status: 429 }, false],
  [{ code: '42501' }, false],
  [new Error('401'), false],
  [undefined, false],
])('is %j a refusal of the credential: %s', (error, expected) => {
  expect(isRefused(error)).toBe(expected);
});
