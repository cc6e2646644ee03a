import { isKeybatonError, KeybatonError } from '../../domain/errors.ts';

/** What SQLite or the file system says, in our codes. Their messages are not passed on. */
export function storeTrouble(thrown: unknown, file: string, doing: 'read' | 'write'): KeybatonError {
  if (isKeybatonError(thrown)) return thrown;
  const code = nameOf(thrown);
  const starts = (...beginnings: string[]) => beginnings.some((beginning) => code.startsWith(beginning));
  const vault = `the embedded vault ${file}`;

  if (starts('SQLITE_BUSY', 'SQLITE_LOCKED')) {
    return new KeybatonError('UNAVAILABLE', `locked: another process writes to ${vault} and does not end`);
  }
  if (starts('SQLITE_FULL', 'ENOSPC', 'EDQUOT')) {
    return new KeybatonError('CAPACITY_EXHAUSTED', `no room for ${vault}: free space on its disk`);
  }
  if (starts('SQLITE_READONLY', 'SQLITE_PERM', 'SQLITE_AUTH', 'EACCES', 'EPERM', 'EROFS')) {
    return new KeybatonError('ACCESS_DENIED', `${vault} may not be written by this user (${code})`);
  }
  if (starts('SQLITE_NOTADB', 'SQLITE_CORRUPT', 'SQLITE_SCHEMA')) {
    return new KeybatonError(
      'INVALID_CONFIG',
      `${vault} is damaged or no such vault (${code}): restore it from a backup`,
    );
  }
  // A commit that failed in the disk may or may not be there after the next start.
  if (doing === 'write' && starts('SQLITE_IOERR')) {
    return new KeybatonError('AMBIGUOUS', `${vault} could not be written for certain (${code})`);
  }
  return new KeybatonError('UNAVAILABLE', `${vault} cannot be opened or read (${code})`);
}

/** The system's name of the trouble; for anything else the kind of error, never its message. */
function nameOf(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown) return String(thrown.code);
  return thrown instanceof Error ? thrown.constructor.name : typeof thrown;
}
