import type { FastifyRequest } from 'fastify';
import { KeybatonError } from '../../domain/errors.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import { inside } from './inside.ts';
import type { RequestLog } from './request-log.ts';
import type { ConsumerTokens, TokenRecord } from '../access/consumer-tokens.ts';
import { looksSigned } from '../access/signed-tokens.ts';
import type { Workloads } from '../access/workloads.ts';

export const credentialPath = '/v1/credentials/:provider/:environment/:application';

const callers = new WeakMap<FastifyRequest, TokenRecord>();

/** Who asks, once `identify` has run for the request. */
export function callerOf(request: FastifyRequest): TokenRecord | undefined {
  return callers.get(request);
}

/** For routes that `identify` guards. */
export function requireCaller(request: FastifyRequest): TokenRecord {
  const caller = callers.get(request);
  if (caller === undefined) throw new KeybatonError('ACCESS_DENIED', 'a consumer token is needed');
  return caller;
}

/** Runs before the body is read: a stranger cannot make us parse anything. */
export async function identify(
  request: FastifyRequest,
  tokens: ConsumerTokens,
  log: RequestLog,
  now: number,
  workloads?: Workloads,
): Promise<void> {
  const credential = credentialOf(request);
  const [scheme, token] = (request.headers.authorization ?? '').split(' ', 2);
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined) {
    throw new KeybatonError('ACCESS_DENIED', 'a consumer token is needed: send `Authorization: Bearer kbc_...`');
  }
  const verified =
    workloads !== undefined && looksSigned(token)
      ? await workloads.verify(token, credential, now)
      : await inside(log, 'consumer tokens cannot be read', () => tokens.verify(token, credential, now));
  callers.set(request, verified);
}

function credentialOf(request: FastifyRequest): CredentialId {
  // Fastify gives the named segments of `credentialPath` as strings; parseCredentialId checks them.
  const { provider, environment, application } = request.params as Record<string, string>;
  return parseCredentialId(`${String(provider)}/${String(environment)}/${String(application)}`);
}
