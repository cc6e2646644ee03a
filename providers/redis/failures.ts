import { KeybatonError, isKeybatonError } from '../../domain/errors.ts';
import type { Verdict } from '../provider.ts';
import type { Node } from './settings.ts';

/** The first word of what redis answers to a command that it did not do: WRONGPASS, NOPERM. Undefined: it did not answer. */
export function replyCode(thrown: unknown): string | undefined {
  // By its name: the client's own class is not exported from its entry.
  if (!(thrown instanceof Error) || !['SimpleError', 'BlobError', 'ErrorReply'].includes(thrown.constructor.name))
    return undefined;
  return /^[A-Z]+\b/.exec(thrown.message)?.[0] ?? 'ERR';
}

/** What a failed login or PING says of the material. Undefined: nothing, it is trouble on the way. */
export function verdictOf(thrown: unknown): Verdict | undefined {
  const code = replyCode(thrown);
  if (code === 'WRONGPASS') return 'refused';
  return code === 'NOPERM' ? 'forbidden' : undefined;
}

/**
 * Our error for what a connection threw. Of the server's words only the first travels: the rest may quote the command.
 * `begun`: a command with an effect was sent, so that what follows cannot be called undone.
 */
export function nodeFailure(thrown: unknown, { host, port }: Node, begun: boolean): KeybatonError {
  const at = `${host}:${port}`;
  if (isKeybatonError(thrown)) {
    if (!begun || thrown.code !== 'UNAVAILABLE') return thrown;
    return new KeybatonError('AMBIGUOUS', `redis at ${at} did a part of it: ${thrown.message}`);
  }
  const code = replyCode(thrown);
  switch (code) {
    case undefined:
      return new KeybatonError(
        begun ? 'AMBIGUOUS' : 'UNAVAILABLE',
        `redis at ${at} ${begun ? 'took a command and did not answer' : 'does not answer'} (${systemCode(thrown)})`,
      );
    case 'WRONGPASS':
    case 'NOAUTH':
      return new KeybatonError('ACCESS_DENIED', `redis at ${at} refuses the admin login (${code})`);
    case 'NOPERM':
      return new KeybatonError(
        'ACCESS_DENIED',
        `the admin user lacks a command at ${at} (${code}): give it what docs/providers/redis.md lists`,
      );
    default:
      return new KeybatonError(begun ? 'AMBIGUOUS' : 'UNAVAILABLE', `redis at ${at} could not do it now (${code})`);
  }
}

function systemCode(thrown: unknown): string {
  const cause = thrown instanceof Error && 'originalError' in thrown ? thrown.originalError : thrown;
  if (typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string')
    return cause.code;
  return 'connection lost';
}
