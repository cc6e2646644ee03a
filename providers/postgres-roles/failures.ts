import { KeybatonError, isKeybatonError } from '../../domain/errors.ts';
import type { Verdict } from '../provider.ts';
import type { Endpoint } from './connection.ts';

/** What the server says of an error: its SQLSTATE, and the routine that raised it, which no language setting translates. */
export interface ServerError {
  readonly code: string;
  readonly routine: string | undefined;
  readonly fatal: boolean;
}

/** Undefined when the error did not come from the server as an answer (a broken connection, a time-out). */
export function serverError(thrown: unknown): ServerError | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown) || !('severity' in thrown)) return undefined;
  const { code, severity } = thrown;
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return undefined;
  const routine = 'routine' in thrown && typeof thrown.routine === 'string' ? thrown.routine : undefined;
  return { code, routine, fatal: severity !== 'ERROR' };
}

/**
 * Our error for what a connection threw. Only the SQLSTATE travels: message, detail and context of the server may quote
 * statements, so neither they nor the original go along.
 */
export function connectionFailure(thrown: unknown, endpoint: Endpoint): KeybatonError {
  if (isKeybatonError(thrown)) return thrown;
  const at = `${endpoint.host}:${endpoint.port}`;
  const answer = serverError(thrown);
  if (answer === undefined) {
    return new KeybatonError('UNAVAILABLE', `postgresql at ${at} does not answer (${systemCode(thrown)})`);
  }
  switch (answer.code) {
    case '28P01':
    case '28000':
      return new KeybatonError(
        'ACCESS_DENIED',
        `postgresql at ${at} refuses the admin login (${answer.code}): check its password and pg_hba.conf`,
      );
    case '42501':
      return new KeybatonError(
        'ACCESS_DENIED',
        `the admin login lacks a right at ${at} (42501): grant what docs/providers/postgres-roles.md lists`,
      );
    case '3D000':
      return new KeybatonError('INVALID_CONFIG', `there is no database ${endpoint.database} at ${at}`);
    case '42704':
      return new KeybatonError('INVALID_CONFIG', `a role that the target names does not exist at ${at} (42704)`);
    case '53100':
      return new KeybatonError('CAPACITY_EXHAUSTED', `the disk of postgresql at ${at} is full`);
    case '25006':
      return new KeybatonError('UNAVAILABLE', `postgresql at ${at} is read-only now: it may be failing over`);
    default:
      return new KeybatonError('UNAVAILABLE', `postgresql at ${at} could not do it now (sqlstate ${answer.code})`);
  }
}

/** After COMMIT was sent, only an answer of the server that is no end of the session proves that nothing happened. */
export function lostCommit(thrown: unknown, endpoint: Endpoint): unknown {
  const answer = serverError(thrown);
  if (answer !== undefined && !answer.fatal) return thrown;
  return new KeybatonError(
    'AMBIGUOUS',
    `postgresql at ${endpoint.host}:${endpoint.port} took a commit and did not answer`,
  );
}

/** Somebody else holds the role's row: a transaction of the very session that is to be ended may. */
export function isHeldUp(thrown: unknown): boolean {
  const code = serverError(thrown)?.code;
  return code === '55P03' || code === 'XX000' || code === '40P01' || code === '40001';
}

/** What a failed login or query says of the material. Undefined: it says nothing, and is an error. */
export function verdictOf(thrown: unknown): Verdict | undefined {
  const answer = serverError(thrown);
  if (answer?.code === '28P01') return 'refused';
  // 28000 is also "no pg_hba.conf entry", which says nothing of the password. A role that may not log in is told here:
  if (answer?.code === '28000' && answer.routine === 'InitializeSessionUserId') return 'refused';
  return answer?.code === '42501' ? 'forbidden' : undefined;
}

function systemCode(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string')
    return thrown.code;
  return 'connection lost';
}
