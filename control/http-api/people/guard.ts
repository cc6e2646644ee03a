import type { FastifyRequest } from 'fastify';
import type { People } from '../../access/people.ts';
import { holderOf } from '../../access/principal.ts';
import type { Principal } from '../../access/principal.ts';
import { KeybatonError } from '../../../domain/errors.ts';

const principals = new WeakMap<FastifyRequest, Principal>();

/** Runs before the body is read: a stranger cannot make us parse anything. */
export async function identifyPerson(people: People, request: FastifyRequest): Promise<void> {
  principals.set(request, await people.identify(request.headers, request.ip));
}

/** For routes that `identifyPerson` guards; a route that it does not is refused. */
export function requirePrincipal(request: FastifyRequest): Principal {
  const principal = principals.get(request);
  if (principal === undefined) throw new KeybatonError('ACCESS_DENIED', 'sign in first');
  return principal;
}

/** Tells callers apart, also those who are shown by one name. */
export function callerOf(request: FastifyRequest): string | undefined {
  const principal = principals.get(request);
  return principal === undefined ? undefined : holderOf(principal);
}

export const actorOf = (request: FastifyRequest): string | undefined => principals.get(request)?.actor;
