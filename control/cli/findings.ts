import { errorTable } from '../../domain/errors.ts';
import type { Finding } from '../ports.ts';
import { wrapped } from './text.ts';

const marks: Readonly<Record<Finding['verdict'], string>> = {
  ok: 'ok',
  warning: 'warning',
  failure: 'FAILURE',
  'cannot tell': 'cannot tell',
};
const column = 13;

/** One finding per paragraph, whole: what is wrong and what to do about it must never be cut off. */
export function findingsText(findings: readonly Finding[], width: number): string {
  if (findings.length === 0) return 'nothing found';
  const indent = ' '.repeat(column);
  return findings
    .flatMap(({ verdict, subject, text, remedy }) => [
      `${marks[verdict].padEnd(column)}${wrapped(`${subject}: ${text}`, width, indent).slice(column)}`,
      ...(remedy === undefined ? [] : [`${indent}-> ${wrapped(remedy, width, `${indent}   `).slice(column + 3)}`]),
    ])
    .join('\n');
}

/** A failure is a check that came out negative; what could not be told is no success either. */
export function exitOfFindings(findings: readonly Pick<Finding, 'verdict'>[]): number {
  if (findings.some(({ verdict }) => verdict === 'failure')) return errorTable.VERIFICATION_FAILED.exit;
  return findings.some(({ verdict }) => verdict === 'cannot tell') ? errorTable.UNAVAILABLE.exit : 0;
}
