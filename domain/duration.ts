import { KeybatonError } from './errors.ts';

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const shape = /^(\d{1,9})(ms|s|m|h|d)$/;

/** `90d`, `15m`, `250ms` to milliseconds. Throws INVALID_CONFIG. */
export function parseDuration(text: string): number {
  const match = shape.exec(text);
  if (!match)
    throw new KeybatonError(
      'INVALID_CONFIG',
      `${JSON.stringify(text.slice(0, 40))} is not a duration: write 250ms, 30s, 15m, 6h or 90d`,
    );
  // Both groups are there when the pattern matches; the second is a key of `units`.
  return Number(match[1]) * units[match[2] as keyof typeof units];
}

/** Milliseconds as people read them: `1.5 s`, `15 min`, `90 d`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 90_000) return `${trim(milliseconds / units.s)} s`;
  if (milliseconds < 2 * units.h) return `${trim(milliseconds / units.m)} min`;
  if (milliseconds < 2 * units.d) return `${trim(milliseconds / units.h)} h`;
  return `${trim(milliseconds / units.d)} d`;
}

const trim = (value: number): string => String(Math.round(value * 10) / 10);
