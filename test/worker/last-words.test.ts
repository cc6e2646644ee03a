import { expect, test } from 'vitest';
import { KeybatonError } from '../../domain/errors.ts';
import { lastWords } from '../../worker/last-words.ts';

const secret = 'sk-live-aaaabbbbccccdddd';

class VendorFailure extends Error {
  readonly token = secret;
  override name = secret;
}

test('of an error of a library its class is told and where it was thrown, and nothing that it says', () => {
  const words = lastWords(new VendorFailure(`POST failed: ${secret}\n    at ${secret}:1:1`, { cause: secret }));
  expect(words).toMatch(
    /^keybaton was ended by an error that nobody caught: VendorFailure\n {4}at .*last-words\.test\.ts:/,
  );
  expect(words).not.toContain(secret);
});

test('of one of ours its code and message are told, which hold no values, and not its cause', () => {
  const words = lastWords(new KeybatonError('CONFLICT', 'the world has moved on', { cause: new Error(secret) }));
  expect(words).toContain('KeybatonError (CONFLICT: the world has moved on)\n    at ');
  expect(words).not.toContain(secret);
});

test.each([
  ['a text', secret],
  ['an object', { token: secret }],
  ['nothing', undefined],
  ['an error whose message was changed', Object.assign(new Error(secret), { message: 'other' })],
  ['an error whose message is none', Object.assign(new Error(secret), { message: { secret } })],
  ['an error whose stack is a text of its own', Object.assign(new Error('x'), { stack: `    at ${secret}` })],
  ['an error of a class that has no plain name', new (class extends Error {})(secret)],
])('%s is told without what it holds', (_, thrown) => {
  expect(lastWords(thrown)).toMatch(/^keybaton was ended by an error that nobody caught: /);
  expect(lastWords(thrown)).not.toContain(secret);
});
