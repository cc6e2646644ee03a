const longest = 86_400_000;
// The platform's own parser also reads `-5` as a date.
const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, /;

/**
 * `Retry-After` in milliseconds from now: seconds or an HTTP date (RFC 9110, section 10.2.3). Undefined when absent or
 * unreadable. Never negative and at most a day: a broken clock on the other side must not stop us for good.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim();
  if (!text) return undefined;
  const wait = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : httpDate.test(text) ? Date.parse(text) - now : NaN;
  return Number.isFinite(wait) ? Math.min(Math.max(0, wait), longest) : undefined;
}
