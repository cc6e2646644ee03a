import { errorTable } from '../../domain/errors.ts';
import type { Finding } from '../ports.ts';
import { table, wrapped } from './text.ts';

const marks: Readonly<Record<Finding['verdict'], string>> = {
  ok: 'ok',
  warning: 'warning',
  failure: 'FAILURE',
  'cannot tell': 'cannot tell',
};

export function findingsText(findings: readonly Finding[], width: number): string {
  if (findings.length === 0) return 'nothing found';
  const rows = findings.map(({ verdict, subject, text }) => [marks[verdict], subject, text]);
  const remedies = findings.flatMap(({ subject, text, remedy }) =>
    remedy === undefined ? [] : [wrapped(`${subject}: ${text}`, width, '  '), wrapped(`-> ${remedy}`, width, '     ')],
  );
  const advice = remedies.length === 0 ? [] : ['', 'What to do:', ...remedies];
  return [table(['', 'SUBJECT', 'FINDING'], rows, width), ...advice].join('\n');
}

/** A failure is a check that came out negative; what could not be told is no success either. */
export function exitOfFindings(findings: readonly Finding[]): number {
  if (findings.some(({ verdict }) => verdict === 'failure')) return errorTable.VERIFICATION_FAILED.exit;
  return findings.some(({ verdict }) => verdict === 'cannot tell') ? errorTable.UNAVAILABLE.exit : 0;
}
