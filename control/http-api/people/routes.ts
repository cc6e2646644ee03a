import { KeybatonError } from '../../../domain/errors.ts';
import type { Operation } from '../../operations/operation.ts';
import { operations } from '../../operations/table/table.ts';

export interface PeopleRoute {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST';
  /** In Fastify's form. `:provider/:environment/:application` is the input's `credential`. */
  readonly path: string;
}

const credential = '/v1/credentials/:provider/:environment/:application';

/** Where each operation is found. Every one of the table has a place, and no place has none: a test holds it. */
const places: Readonly<Record<string, readonly [PeopleRoute['method'], string]>> = {
  'inventory-show': ['GET', '/v1/inventory'],
  apply: ['POST', '/v1/inventory'],
  list: ['GET', '/v1/credentials'],
  show: ['GET', credential],
  'show-by-hand': ['GET', `${credential}/by-hand`],
  plan: ['GET', `${credential}/plan`],
  rehearse: ['POST', `${credential}/rehearse`],
  rotate: ['POST', `${credential}/rotate`],
  'status-all': ['GET', '/v1/status'],
  status: ['GET', `${credential}/status`],
  history: ['GET', '/v1/history'],
  'emergency-dry-run': ['POST', '/v1/emergencies/dry-run'],
  emergency: ['POST', '/v1/emergencies'],
  whose: ['POST', '/v1/whose'],
  'emergency-leaked': ['POST', '/v1/emergencies/leaked'],
  'incident-list': ['GET', '/v1/incidents'],
  'incident-show': ['GET', '/v1/incidents/:incident'],
  'incident-take-over': ['POST', '/v1/incidents/:incident/take-over'],
  'incident-close': ['POST', '/v1/incidents/:incident/close'],
  'incident-report': ['GET', '/v1/incidents/:incident/report'],
  'kill-switch-list': ['GET', '/v1/targets/:target/kill-switches'],
  'kill-switch-look': ['GET', '/v1/targets/:target/kill-switches/:switch'],
  'kill-switch-pull': ['POST', '/v1/targets/:target/kill-switches/:switch/pull'],
  'kill-sheet-bundle': ['GET', '/v1/kill-sheet'],
  drill: ['POST', '/v1/drills'],
  'drill-list': ['GET', '/v1/drills'],
  unmanaged: ['GET', '/v1/unmanaged'],
  acknowledge: ['POST', `${credential}/acknowledge`],
  waive: ['POST', `${credential}/waive`],
  release: ['POST', `${credential}/release`],
  rollback: ['POST', `${credential}/rollback`],
  pause: ['POST', `${credential}/pause`],
  unpause: ['POST', `${credential}/unpause`],
  freeze: ['POST', '/v1/freeze'],
  thaw: ['POST', '/v1/thaw'],
  'supply-fields': ['GET', `${credential}/supply`],
  supply: ['POST', `${credential}/supply`],
  import: ['POST', `${credential}/import`],
  reconcile: ['POST', '/v1/reconcile'],
  sweep: ['POST', '/v1/sweep'],
  doctor: ['POST', '/v1/doctor'],
  advise: ['GET', '/v1/advice'],
  'audit-verify': ['GET', '/v1/audit'],
  metrics: ['GET', '/v1/metrics'],
  'approval-list': ['GET', '/v1/approvals'],
  'approval-give': ['POST', '/v1/approvals/:id/give'],
  'approval-withdraw': ['POST', '/v1/approvals/:id/withdraw'],
  'review-list': ['GET', '/v1/reviews'],
  'review-close': ['POST', '/v1/reviews/:id/close'],
  'token-make': ['POST', '/v1/consumer-tokens'],
  'token-list': ['GET', '/v1/consumer-tokens'],
  'token-revoke': ['POST', '/v1/consumer-tokens/:id/revoke'],
};

export const peopleRoutes: readonly PeopleRoute[] = operations.map((operation) => {
  const place = places[operation.name];
  if (place === undefined) throw new KeybatonError('INVALID_CONFIG', `operation ${operation.name} has no route`);
  return { operation, method: place[0], path: place[1] };
});

export const placedOperations: readonly string[] = Object.keys(places);
