import { KeybatonError, isKeybatonError } from '../../domain/errors.ts';
import type { Verdict } from '../provider.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** https://mariadb.com/docs/server/reference/error-codes, and MySQL's own number where it differs. */
const numbers = {
  loginRefused: [1045, 1698],
  accountLocked: [4151, 3118],
  passwordExpired: [1820, 1862],
  rightMissing: [1044, 1142, 1143, 1227, 1370, 1410],
  hostNotAllowed: [1130],
  tooManySessions: [1203, 1226],
  noSuchDatabase: [1049],
  noSuchRole: [1959, 3523],
  readOnly: [1290, 1836],
  diskFull: [1021],
  /** The server ended the statement or the session: what it had begun may be done. */
  cutOff: [1053, 1080, 1152, 1158, 1159, 1160, 1161, 1317, 1927, 1969, 3024, 4031],
  noSuchSession: [1094],
};
type What = keyof typeof numbers;

/** The server's number of an error. Undefined when it is no answer of the server (a broken connection, a time-out). */
export function serverError(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('errno' in thrown)) return undefined;
  const { errno } = thrown;
  // From 45000 on the numbers are the client library's own.
  return typeof errno === 'number' && errno >= 1000 && errno < 10_000 ? errno : undefined;
}

export const is = (thrown: unknown, what: What): boolean => numbers[what].includes(serverError(thrown) ?? 0);

/** The server has answered, and the statement has not been done. */
export const nothingDone = (thrown: unknown): boolean => serverError(thrown) !== undefined && !is(thrown, 'cutOff');

/**
 * Our error for what a connection threw. Only the number travels: the library's errors carry the statement, and a
 * server's message may quote it.
 */
export function connectionFailure(thrown: unknown, { host, port }: Endpoint): KeybatonError {
  if (isKeybatonError(thrown)) return thrown;
  const at = `${host}:${port}`;
  const number = serverError(thrown);
  if (number === undefined)
    return new KeybatonError('UNAVAILABLE', `the database at ${at} does not answer (${nameOf(thrown)})`);
  const table: readonly (readonly [What, 'ACCESS_DENIED' | 'INVALID_CONFIG' | 'CAPACITY_EXHAUSTED', string])[] = [
    ['loginRefused', 'ACCESS_DENIED', `${at} refuses the admin login, or a right that it lacks`],
    ['accountLocked', 'ACCESS_DENIED', `the admin account at ${at} is locked`],
    ['passwordExpired', 'ACCESS_DENIED', `the admin's password at ${at} has expired`],
    ['rightMissing', 'ACCESS_DENIED', `the admin lacks a right at ${at}: grant what docs/providers/mariadb.md lists`],
    ['hostNotAllowed', 'ACCESS_DENIED', `${at} lets nobody in from here: look at the host parts of its accounts`],
    ['noSuchDatabase', 'INVALID_CONFIG', `there is no such database at ${at}`],
    ['noSuchRole', 'INVALID_CONFIG', `there is no such role at ${at}`],
    ['diskFull', 'CAPACITY_EXHAUSTED', `the disk of ${at} is full`],
  ];
  const [, code, words] = table.find(([what]) => is(thrown, what)) ?? [];
  if (code !== undefined && words !== undefined) return new KeybatonError(code, `${words} (error ${number})`);
  const why = is(thrown, 'readOnly') ? 'is read-only now: it may be failing over' : 'could not do it now';
  return new KeybatonError('UNAVAILABLE', `the database at ${at} ${why} (error ${number})`);
}

/**
 * What a failed login says of the material. Undefined: it says nothing, and is an error. A locked account is told only
 * to whoever knows its password; what comes after the password (no such right, too many sessions, expired) means alive.
 */
export function verdictOf(thrown: unknown): Verdict | undefined {
  if (is(thrown, 'loginRefused') || is(thrown, 'accountLocked')) return 'refused';
  const alive = (['rightMissing', 'passwordExpired', 'tooManySessions'] as const).some((what) => is(thrown, what));
  return alive ? 'forbidden' : undefined;
}

/** A system error's name (ECONNREFUSED), or the library's (ER_SOCKET_TIMEOUT); nothing else of an error is shown. */
function nameOf(thrown: unknown): string {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? code : 'connection lost';
}
