import { KeybatonError } from '../domain/errors.ts';

/** Days on which no scheduled rotation starts: epoch milliseconds, whole days in UTC, `from < to`. */
export interface Freeze {
  readonly from: number;
  readonly to: number;
}

const day = 86_400_000;
const shape = /^(\d{4}-\d{2}-\d{2})(?: to (\d{4}-\d{2}-\d{2}))?$/;

export const freezeForms = '"2026-12-20 to 2027-01-04" (both days included) or "2026-12-24" (UTC)';

/** Throws INVALID_CONFIG; both days belong to the freeze. */
export function parseFreeze(text: string): Freeze {
  const match = shape.exec(text);
  const first = dayOf(match?.[1]);
  const last = dayOf(match?.[2] ?? match?.[1]);
  if (first === undefined || last === undefined || last < first)
    throw new KeybatonError('INVALID_CONFIG', `expected ${freezeForms}`);
  return { from: first, to: last + day };
}

export function formatFreeze({ from, to }: Freeze): string {
  return `${dateOf(from)} to ${dateOf(to - day)}`;
}

const dateOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** Undefined for a date that no calendar has, such as 2026-02-30. */
function dayOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(at) || dateOf(at) !== text ? undefined : at;
}
