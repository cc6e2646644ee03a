import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { formsOf } from '../../scripts/demo/encodings.ts';
import { search } from '../../scripts/leak-hunt/search.ts';

const value = `kb+/é ${randomBytes(24).toString('base64')}`;
const place = (...bytes: readonly Buffer[]) => ({ name: 'a place', bytes });
const noise = randomBytes(100_000);

it.each([...formsOf(value).keys()])('a value is found %s', (form) => {
  for (const needle of formsOf(value).get(form) ?? []) {
    const hits = search(place(Buffer.alloc(10), Buffer.concat([noise, needle, noise])), [value]);
    expect(hits).toContainEqual({ value: 0, form });
  }
});

it.each([0, 1, 2])('a value inside a longer base64 text is found, %d bytes into a group of three', (offset) => {
  const text = Buffer.concat([Buffer.alloc(offset, 'x'), Buffer.from(value), Buffer.from('tail')]);
  for (const encoding of ['base64', 'base64url'] as const) {
    const hits = search(place(Buffer.from(text.toString(encoding))), [value]);
    expect(hits.map((hit) => hit.form)).toContain(`base64, shifted by ${offset}`);
  }
});

it('any eight bytes of a value are found, and seven are not', () => {
  const bytes = Buffer.from(value);
  for (let at = 0; at + 8 <= bytes.length; at += 1) {
    const hits = search(place(Buffer.concat([noise, bytes.subarray(at, at + 8)])), ['another value', value]);
    expect(hits).toEqual([{ value: 1, form: 'a piece of eight bytes' }]);
  }
  expect(search(place(bytes.subarray(3, 10)), [value])).toEqual([]);
});

it('nothing is found where nothing is', () => {
  expect(search(place(noise, Buffer.alloc(0), Buffer.from('short')), [value])).toEqual([]);
});
