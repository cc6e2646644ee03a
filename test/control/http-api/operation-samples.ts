import { ads, bot, inventory, targets } from '../emergency-inventory.ts';

export const why = 'a test';
const credential = bot;

/** One sound input for each operation, and the status it gets in a process without a credential of any provider. */
export const samples: Readonly<Record<string, readonly [status: number, input?: Record<string, unknown>]>> = {
  'inventory-show': [200],
  apply: [200, { targets, inventory, dryRun: true }],
  list: [200],
  show: [200, { credential }],
  'show-by-hand': [200, { credential }],
  plan: [501, { credential }],
  rehearse: [200, { credential: ads }],
  rotate: [200, { credential, why }],
  'status-all': [200],
  status: [200, { credential }],
  history: [200, { afterN: 0 }],
  'emergency-dry-run': [200, { credentials: [credential] }],
  emergency: [200, { credentials: [ads], why }],
  whose: [200, { value: 'nobody-knows-it' }],
  'emergency-leaked': [501, { value: 'nobody-knows-it', why }],
  'incident-list': [200],
  'incident-show': [200, { incident: 'INCIDENT' }],
  'incident-take-over': [200, { incident: 'INCIDENT', credential }],
  'incident-report': [200, { incident: 'INCIDENT' }],
  'incident-close': [200, { incident: 'INCIDENT', why }],
  'kill-switch-list': [200, { target: 'memory' }],
  'kill-switch-look': [501, { target: 'memory', switch: 'all-off' }],
  'kill-switch-pull': [501, { target: 'memory', switch: 'all-off', count: 1, why }],
  'kill-sheet-bundle': [503],
  drill: [501, { target: 'memory' }],
  'drill-list': [200],
  unmanaged: [200],
  acknowledge: [200, { credential, consumer: 'web', why }],
  waive: [200, { credential, consumer: 'batch', why }],
  release: [200, { credential, release: 'ask', why }],
  rollback: [409, { credential, why }],
  pause: [200, { credential, why }],
  unpause: [200, { credential, why }],
  freeze: [200, { why }],
  thaw: [200, { why }],
  'supply-fields': [200, { credential }],
  import: [501, { credential, ref: 'key-1' }],
  supply: [501, { credential, fields: { api_key: 'canary-of-supply' } }],
  reconcile: [501],
  sweep: [501],
  doctor: [200],
  advise: [200],
  'audit-verify': [200],
  metrics: [200],
  'approval-list': [200],
  'approval-give': [404, { id: 'c0ffee' }],
  'approval-withdraw': [404, { id: 'c0ffee' }],
  'review-list': [200],
  'review-close': [404, { id: 'c0ffee', why }],
  'token-make': [200, { credential, consumer: 'web' }],
  'token-list': [200],
  'token-revoke': [200, { id: 'TOKEN' }],
};

/** Into the path what belongs there. */
export function placed(path: string, input: Record<string, unknown>): { url: string; rest: Record<string, unknown> } {
  const rest = { ...input };
  const url = path
    .replace(':provider/:environment/:application', () => {
      const id = String(rest['credential']);
      delete rest['credential'];
      return id;
    })
    .replaceAll(/:([a-z]+)/g, (_, key: string) => {
      const value = String(rest[key]);
      delete rest[key];
      return value;
    });
  return { url, rest };
}
