import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../domain/duration.ts';

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const shownUnits: Readonly<Record<string, number>> = { ms: 1, s: units.s, min: units.m, h: units.h, d: units.d };

it('a duration is its number times its unit', () => {
  fc.assert(
    fc.property(fc.nat(999_999_999), fc.constantFrom('ms', 's', 'm', 'h', 'd'), (count, unit) => {
      expect(parseDuration(`${count}${unit}`)).toBe(count * units[unit]);
    }),
  );
});

it('what people are shown is what was meant, to a twentieth of its unit', () => {
  fc.assert(
    fc.property(fc.nat(999_999), fc.constantFrom('ms', 's', 'm', 'h', 'd'), (count, unit) => {
      const meant = parseDuration(`${count}${unit}`);
      const [, number = '', shown = ''] = /^(\d+(?:\.\d)?) (ms|s|min|h|d)$/.exec(formatDuration(meant)) ?? [];
      const size = shownUnits[shown] ?? Number.NaN;
      expect(Math.abs(Number(number) * size - meant)).toBeLessThanOrEqual(size / 20 + size * 1e-6);
    }),
  );
});

it.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1_500, '1.5 s'],
  [90_000, '1.5 min'],
  [7_200_000, '2 h'],
  [90 * 86_400_000, '90 d'],
])('%d milliseconds are shown as %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

it.each(['', '90', 'd', '-1d', '1.5h', '1 d', '1d\n', '1w', '1e3s', '1234567890s', '١d'])(
  '%j is no duration',
  (text) => {
    expect(() => parseDuration(text)).toThrow(/is not a duration/);
  },
);
