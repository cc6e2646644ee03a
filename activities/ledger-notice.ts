import type { Outcome } from '../domain/rotation.ts';
import { alarmNotice, curedNotice, rotationNotice, type Notice } from '../domain/notice.ts';
import type { Alarm, LedgerEvent } from '../ledger/ledger.ts';

/** Ends of a rotation that changed something. */
const toldOutcomes: Readonly<Partial<Record<string, Outcome>>> = {
  rotated: 'rotated',
  'rolled-back': 'rolled-back',
  indebted: 'indebted',
};

export interface NoticeContext {
  readonly team: string | undefined;
  /** The alarm that the event is of, while it is open. */
  readonly standing: Alarm | undefined;
}

/**
 * What of the ledger's events is told to people outside: alarms and their end, and rotations that changed something.
 * Undefined: nothing. Incidents are told by their own workflow, which does not wait for the ledger. Of a body it takes
 * keys and words of our own, never a text.
 */
export function noticeOf(event: LedgerEvent, { team, standing }: NoticeContext): Notice | undefined {
  const { kind, credential, at, body } = event;
  if (credential === undefined) return undefined;
  const { key: alarm, page, outcome, count, run } = body;
  const since = standing?.raisedAt ?? at;
  if (kind === 'alarm.raised' && typeof alarm === 'string')
    return alarmNotice({ credential, team, alarm, at, since, page: page === true, reminder: 0 });
  if (kind === 'alarm.reminded' && typeof alarm === 'string' && typeof count === 'number')
    return alarmNotice({ credential, team, alarm, at, since, page: standing?.page === true, reminder: count });
  if (kind === 'alarm.cured' && typeof alarm === 'string') return curedNotice({ credential, team, alarm, at });
  const told = kind === 'rotation.ended' && typeof outcome === 'string' ? toldOutcomes[outcome] : undefined;
  return (
    told && rotationNotice({ credential, team, at, run: typeof run === 'string' ? run : String(at), outcome: told })
  );
}
