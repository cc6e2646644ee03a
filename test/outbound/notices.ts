import { parseCredentialId, parseVersionId } from '../../domain/identifiers.ts';
import { incidentNotice, type IncidentTold } from '../../domain/incident-notice.ts';
import type { IncidentProgress } from '../../domain/incident.ts';
import { alarmNotice, curedNotice, rotationNotice, type Notice } from '../../domain/notice.ts';
import type { Tells } from '../../outbound/notice.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';

export const credential = parseCredentialId('openai/prod/support-bot');
export const version = parseVersionId(`kb${'a'.repeat(30)}`);
export const declaredAt = Date.UTC(2026, 10, 22, 3, 0, 0);
export const clock = 15 * 60_000;

export const everything: Tells = { alarms: 'all', incidents: true, drills: true, rotations: true };

export const credentialOf = (text: string) => async () => new SecretMaterial({ value: text }, 'value');
export const call = () => ({ signal: AbortSignal.timeout(20_000), now: () => Date.now() });

export const progress = (change: Partial<IncidentProgress> = {}): IncidentProgress => ({
  incident: 'inc-1',
  declaredAt,
  scope: 'provider openai',
  drill: false,
  keys: 2,
  contained: 1,
  dead: 0,
  replaced: 0,
  confirmed: 0,
  reached: { declared: declaredAt },
  open: [
    { credential, version, state: 'revoked, not yet dead', why: 'accepted still', again: undefined, person: false },
  ],
  more: 0,
  closed: false,
  ...change,
});

export const told = (what: IncidentTold, change: Partial<IncidentProgress> = {}, after = 20_000): Notice =>
  incidentNotice({ told: what, progress: progress(change), at: declaredAt + after, limit: clock });

const alarmed = { credential, team: 'support', alarm: 'held/7', at: declaredAt, since: declaredAt };
export const alarm = (page = true, reminder = 0): Notice => alarmNotice({ ...alarmed, page, reminder });
export const cured = (): Notice => curedNotice(alarmed);
export const rotated = (): Notice =>
  rotationNotice({ credential, team: 'support', at: declaredAt, run: 'run-1', outcome: 'rotated' });

/** One of every kind. */
export const allNotices = (change: Partial<IncidentProgress> = {}): readonly Notice[] => [
  alarm(),
  cured(),
  rotated(),
  told({ kind: 'declared' }, change),
  told({ kind: 'moment', moment: 'contained' }, change),
  told({ kind: 'page', share: 0.5 }, change),
  told({ kind: 'failed', step: 'contained' }, change),
  told({ kind: 'taken' }, change),
  told({ kind: 'closed' }, change),
];
