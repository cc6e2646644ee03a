import { codeOf, errorTable, isKeybatonError } from '../../domain/errors.ts';
import type { Trouble } from '../../domain/incident.ts';

/** Milliseconds. Who calls again may wait longer, never forget. */
const soon = 500;
const afterAPerson = 30_000;
/** A provider may ask for patience, but not for the whole clock. */
const longest = 5 * 60_000;

/** What was thrown, as an answer: a code, our own message and a number. Nothing of foreign errors, which may hold secrets. */
export function troubleOf(thrown: unknown): Trouble {
  const code = codeOf(thrown);
  const known = isKeybatonError(thrown);
  const { retryable } = errorTable[code];
  const asked = known ? thrown.retryAfter : undefined;
  return {
    code,
    why: known ? thrown.message : 'the adapter threw something that is no keybaton error',
    againIn: Math.min(asked ?? (retryable ? soon : afterAPerson), longest),
    person: !retryable,
  };
}
