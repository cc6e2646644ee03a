import type { LedgerEvent } from '../../ledger/ledger.ts';
import { moment, printable } from './text.ts';

/** Body keys worth a line; everything else is in --json. No event holds a secret. */
const told = [
  'outcome',
  'consumer',
  'instance',
  'kind',
  'release',
  'backend',
  'path',
  'effect',
  'place',
  'grade',
  'answer',
  'reason',
  'key',
  'text',
  'who',
  'why',
];

/** One event as columns: time, actor, what, of what, details. */
export function eventCells(event: LedgerEvent): readonly string[] {
  const details = told.flatMap((key) => {
    const value = event.body[key];
    return typeof value === 'string' && value !== '' && value !== event.actor ? [value] : [];
  });
  const epoch = event.epoch === undefined ? [] : [`epoch ${event.epoch}`];
  return [
    String(event.n),
    moment(event.at),
    event.kind,
    event.credential ?? '',
    event.actor,
    [...epoch, ...details].join(', '),
  ];
}

export function eventLine(event: LedgerEvent): string {
  const [n = '', at = '', kind = '', credential = '', actor = '', details = ''] = eventCells(event);
  return printable(
    `${n.padStart(5)}  ${at}  ${kind.padEnd(20)} ${[credential, actor, details].filter((part) => part !== '').join('  ')}`,
  );
}
