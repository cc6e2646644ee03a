import type { FastifyRequest } from 'fastify';
import { KeybatonError } from '../../domain/errors.ts';
import { allowedRoles, grantsFor, reaches } from '../access/roles.ts';
import type { Operation, Reach } from '../operations/operation.ts';
import { visitorOf } from './visitor.ts';

/** Would the guard let this visitor do it? Decides what is offered; the guard itself decides what is done. */
export function may(request: FastifyRequest, { name }: Pick<Operation, 'name'>, reach: Reach): boolean {
  return reaches(grantsFor(name, visitorOf(request).principal.grants), reach);
}

/** ACCESS_DENIED, saying who can: for a page whose link somebody was sent. */
export function needs(request: FastifyRequest, operation: Pick<Operation, 'name'>, reach: Reach): void {
  if (may(request, operation, reach)) return;
  const has = [...new Set(visitorOf(request).principal.grants.map(({ role }) => role))];
  throw new KeybatonError(
    'ACCESS_DENIED',
    `${operation.name} is not yours to do here: it takes the role ${(allowedRoles[operation.name] ?? []).join(', ')}; you have ${has.length === 0 ? 'none' : has.join(', ')}. Ask one of them, or whoever keeps the access file`,
  );
}
