import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { codeOf, KeybatonError } from '../../../domain/errors.ts';
import type { Operation } from '../../operations/operation.ts';
import { placeOf } from '../../access/address-place.ts';
import { callerOf } from './guard.ts';

/** Calls a minute. Emergencies have a bucket that nothing else drains, and a wide one. */
export interface Limits {
  readonly calls: number;
  readonly starts: number;
  readonly emergencies: number;
  /** Refused sign-ins of one address; who signs in rightly is never kept out by them. */
  readonly refusals: number;
  /** Of the pages that need no token, by address. */
  readonly open: number;
}

export const defaultLimits: Limits = { calls: 1_200, starts: 60, emergencies: 300, refusals: 30, open: 240 };

export interface Limiter {
  /** RATE_LIMITED, saying when, once this caller has used up the bucket that the operation draws on. */
  take(request: FastifyRequest, operation: Pick<Operation, 'name' | 'effect'> | undefined): Promise<void>;
  /** Likewise by address, for what needs no token. */
  takeOpen(request: FastifyRequest): Promise<void>;
  /** Counts a refused sign-in; beyond the limit the refusal says to wait instead. */
  refused(request: FastifyRequest, thrown: unknown): Promise<never>;
}

/** In this process's memory: several processes allow several times as much. */
export async function openBuckets(app: FastifyInstance) {
  await app.register(rateLimit, { global: false });
  return (max: number, by: (request: FastifyRequest) => string) => {
    const take = app.createRateLimit({ max, timeWindow: 60_000, keyGenerator: by });
    return async (request: FastifyRequest): Promise<void> => {
      const taken = await take(request);
      if (taken.isAllowed || !taken.isExceeded) return;
      throw new KeybatonError('RATE_LIMITED', `more than ${max} in a minute: wait`, { retryAfter: taken.ttl });
    };
  };
}

export async function openLimiter(app: FastifyInstance, limits: Limits): Promise<Limiter> {
  const bucket = await openBuckets(app);
  const byActor = (request: FastifyRequest): string => callerOf(request) ?? placeOf(request.ip);
  const byAddress = (request: FastifyRequest): string => placeOf(request.ip);
  const calls = bucket(limits.calls, (request) => `calls/${byActor(request)}`);
  const starts = bucket(limits.starts, (request) => `starts/${byActor(request)}`);
  const emergencies = bucket(limits.emergencies, (request) => `emergencies/${byActor(request)}`);
  const refusals = bucket(limits.refusals, (request) => `refusals/${byAddress(request)}`);
  const open = bucket(limits.open, (request) => `open/${byAddress(request)}`);
  return {
    async take(request, operation) {
      if (operation !== undefined && isUrgent(operation.name)) return emergencies(request);
      await calls(request);
      if (operation?.effect === 'start') await starts(request);
    },
    takeOpen: open,
    async refused(request, thrown) {
      if (codeOf(thrown) === 'ACCESS_DENIED') await refusals(request);
      throw thrown;
    },
  };
}

/** Whatever is needed to kill a key, or to see whether it is dead. */
export const isUrgent = (name: string): boolean =>
  name.startsWith('emergency') || name.startsWith('kill-switch') || name === 'whose' || name === 'incident-show';
