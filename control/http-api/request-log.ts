import type { FastifyReply, FastifyRequest } from 'fastify';
import { pino } from 'pino';
import type { KeybatonError } from '../../domain/errors.ts';
import { callerOf } from './caller.ts';
import { actorOf } from './people/guard.ts';

/** Where log lines go; standard error unless told. */
export interface LogDestination {
  write(line: string): void;
}

export interface RequestLog {
  answered(request: FastifyRequest, reply: FastifyReply): void;
  failed(request: FastifyRequest, error: KeybatonError): void;
  /** Something that went wrong beside a request. */
  trouble(what: string, code: string): void;
}

/**
 * One line per request, from an allow-list: the route as it is declared, never the URL as it came (a query may hold
 * anything), no header, no body, no message of anyone's error.
 */
export function requestLog(destination: LogDestination | undefined): RequestLog {
  const log = pino(
    { name: 'keybaton-api', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
  const codes = new WeakMap<FastifyRequest, string>();
  return {
    answered(request, reply) {
      const caller = callerOf(request);
      log.info(
        {
          request: request.id,
          method: request.method,
          route: request.routeOptions.url ?? 'unknown',
          status: reply.statusCode,
          milliseconds: Math.round(reply.elapsedTime),
          address: request.ip,
          credential: caller?.credential,
          consumer: caller?.consumer,
          token: caller?.id,
          actor: actorOf(request),
          code: codes.get(request),
        },
        'answered',
      );
    },
    failed(request, error) {
      codes.set(request, error.code);
    },
    trouble(what, code) {
      log.warn({ what, code }, 'trouble');
    },
  };
}
