import { expect, it } from 'vitest';
import { parsedOnce } from '../../ledger/parsed-once.ts';

it('parses a text once and answers the same value for it', () => {
  const shaped: string[] = [];
  const read = parsedOnce<{ readonly name: string }>((one) => {
    shaped.push(one.name);
    return { name: one.name.toUpperCase() };
  });
  expect(read('{"name":"a"}')).toBe(read('{"name":"a"}'));
  expect(read('{"name":"b"}')).toEqual({ name: 'B' });
  expect(shaped).toEqual(['a', 'b']);
});

it('answers nothing that one reader could change for the others', () => {
  const read = parsedOnce<{ list: string[] }>();
  expect(() => read('{"list":["a"]}').list.push('b')).toThrow(TypeError);
});

it('forgets the oldest of very many', () => {
  let parsed = 0;
  const read = parsedOnce<number[]>((one) => {
    parsed += 1;
    return one;
  });
  for (let index = 0; index <= 2_000; index += 1) read(`[${index}]`);
  read('[2000]');
  expect(parsed).toBe(2_001);
  read('[0]');
  expect(parsed).toBe(2_002);
});
