import { KeybatonError } from '../../domain/errors.ts';
import type { EntryScope, Reach } from '../operations/operation.ts';
import { covers } from './principal.ts';
import type { Grant, Role } from './principal.ts';

const everybody: readonly Role[] = ['viewer', 'auditor', 'team', 'oncall', 'security', 'admin'];
const owners: readonly Role[] = ['team', 'admin'];
const workers: readonly Role[] = ['team', 'oncall', 'admin'];
const responders: readonly Role[] = ['oncall', 'security', 'admin'];
const killers: readonly Role[] = ['team', ...responders];
const overseers: readonly Role[] = ['auditor', 'security', 'admin'];
const keepers: readonly Role[] = ['security', 'admin'];

/**
 * Who may do what: for each operation the roles that allow it, within the scope of the grant. `docs/access.md` shows it, and a
 * test asks every cell with a real token. An operation that is not here is allowed to nobody.
 */
export const allowedRoles: Readonly<Record<string, readonly Role[]>> = {
  // looking
  'inventory-show': everybody,
  list: everybody,
  show: everybody,
  plan: everybody,
  'status-all': everybody,
  status: everybody,
  history: everybody,
  advise: everybody,
  'emergency-dry-run': everybody,
  whose: everybody,
  'incident-list': everybody,
  'incident-show': everybody,
  'incident-report': everybody,
  metrics: everybody,
  unmanaged: everybody,
  'drill-list': everybody,
  // rotating
  rehearse: workers,
  rotate: killers,
  rollback: killers,
  pause: killers,
  unpause: killers,
  acknowledge: workers,
  waive: killers,
  release: killers,
  'supply-fields': owners,
  supply: owners,
  import: owners,
  apply: owners,
  drill: killers,
  // killing: the safe direction
  emergency: killers,
  'emergency-leaked': killers,
  'incident-take-over': responders,
  'incident-close': responders,
  'show-by-hand': killers,
  'kill-switch-list': responders,
  'kill-switch-look': responders,
  'kill-switch-pull': responders,
  'kill-sheet-bundle': responders,
  // the installation
  freeze: responders,
  thaw: responders,
  sweep: responders,
  reconcile: responders,
  doctor: responders,
  'audit-verify': overseers,
  'token-make': owners,
  'token-list': ['auditor', ...killers],
  'token-revoke': killers,
  // agreeing, and looking at who had to break the glass
  'approval-list': ['auditor', ...killers],
  'approval-give': killers,
  'approval-withdraw': killers,
  'review-list': overseers,
  'review-close': keepers,
};

/** Those of somebody's grants that count for an operation. */
export function grantsFor(operation: string, grants: readonly Grant[]): readonly Grant[] {
  const allowed = Object.hasOwn(allowedRoles, operation) ? (allowedRoles[operation] ?? []) : [];
  return grants.filter(({ role }) => allowed.includes(role));
}

const unnarrowed = ({ environments, teams, groups }: Grant): boolean =>
  environments === undefined && teams === undefined && groups === undefined;

export const reachesAll = (grants: readonly Grant[]): boolean => grants.some(unnarrowed);

export const seesEntry = (grants: readonly Grant[], entry: EntryScope): boolean =>
  grants.some((one) => covers(one, entry));

/** Do these grants, which all count for the operation, cover all of its reach? */
export function reaches(grants: readonly Grant[], reach: Reach): boolean {
  switch (reach.kind) {
    case 'what the caller sees':
      return grants.length > 0;
    case 'installation':
      return reachesAll(grants);
    case 'entries':
      return grants.length > 0 && reach.entries.every((entry) => seesEntry(grants, entry));
  }
}

/**
 * ACCESS_DENIED when the grants do not allow the operation over all of its reach; NOT_FOUND, as for what does not exist, when
 * something of it belongs to those whose entries they may not even see.
 */
export function checkAllowed(operation: string, grants: readonly Grant[], reach: Reach): void {
  if (reaches(grantsFor(operation, grants), reach)) return;
  const seeing = grantsFor('show', grants);
  if (reach.kind === 'entries' && !reach.entries.every((entry) => seesEntry(seeing, entry))) throw nothingThere();
  throw new KeybatonError('ACCESS_DENIED', `no role of yours allows ${operation} here: see docs/access.md`);
}

export const nothingThere = (): KeybatonError =>
  new KeybatonError('NOT_FOUND', 'there is nothing of that name, or it is not yours to see');
