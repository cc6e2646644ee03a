import { KeybatonError } from '../../domain/errors.ts';
import type { Approval } from './approvals.ts';

/** What whoever asked is told while fewer than two people have agreed. */
export function stillToAgree({ id, why, until }: Approval, people: number): KeybatonError {
  const missing = people === 0 ? 'two people' : 'another person';
  const at = new Date(until).toISOString();
  return new KeybatonError(
    'CONFLICT',
    `two people must agree, since ${why}: approval ${id} waits until ${at} for ${missing} (a program is none), then do the same again`,
  );
}
