import { expect, test } from 'vitest';
import { parseRetryAfter } from '../../outbound/retry-after.ts';

const now = Date.UTC(2026, 10, 22, 20, 0, 0);

test.each([
  ['seconds', '3', 3_000],
  ['nothing to wait', '0', 0],
  ['a fraction', ' 1.5 ', 1_500],
  ['a date ahead', 'Sun, 22 Nov 2026 20:00:05 GMT', 5_000],
  ['a date gone by', 'Sun, 22 Nov 2026 19:00:00 GMT', 0],
  ['more than a day', '999999999', 86_400_000],
  ['words', 'soon', undefined],
  ['a negative number', '-5', undefined],
  ['nothing', '', undefined],
  ['no header', undefined, undefined],
] as const)('reads %s', (_, header, wait) => {
  expect(parseRetryAfter(header, now)).toBe(wait);
});
