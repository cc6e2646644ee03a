import { isKeybatonError, KeybatonError } from '../domain/errors.ts';

/** Maps whatever a database client throws, once, to our closed list. Their messages stay out: they can quote values. */
export function ledgerFailure(thrown: unknown): KeybatonError {
  if (isKeybatonError(thrown)) return thrown;
  const code = codeOfClient(thrown);
  if (code.startsWith('SQLITE_')) return sqliteFailure(code, thrown);
  if (/^[0-9A-Z]{5}$/.test(code)) return postgresFailure(code, thrown);
  const error = thrown instanceof Error ? thrown : new Error('unknown failure');
  if (
    /connect|socket|terminated|timeout|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|closed|destroyed|end on the pool/i.test(
      `${code} ${error.message}`,
    )
  ) {
    return new KeybatonError(
      'UNAVAILABLE',
      'the ledger cannot be reached: check that its database is up and its URL is right',
      { cause: thrown },
    );
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') return full(thrown);
  if (/^(ENOENT|ENOTDIR|EACCES|EPERM|EROFS|EISDIR)$/.test(code)) return unopened(code, thrown);
  return new KeybatonError('UNAVAILABLE', `the ledger failed (${code || error.name})`, { cause: thrown });
}

/** A write met another transaction and lost; the same work may be tried again at once. */
export function lostRace(thrown: unknown): boolean {
  const code = codeOfClient(thrown);
  return code === '40001' || code === '40P01';
}

export function isBusy(thrown: unknown): boolean {
  const code = codeOfClient(thrown);
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
}

export function locked(cause?: unknown): KeybatonError {
  return new KeybatonError('UNAVAILABLE', 'the ledger is locked by another process: nothing was written, try again', {
    cause,
  });
}

function codeOfClient(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return '';
  return typeof thrown.code === 'string' ? thrown.code : '';
}

function full(cause: unknown): KeybatonError {
  return new KeybatonError(
    'CAPACITY_EXHAUSTED',
    'the disk of the ledger is full: nothing was written; free some space',
    { cause },
  );
}

function unopened(code: string, cause: unknown): KeybatonError {
  const message = `the ledger file cannot be opened for writing (${code}): check folder, owner and mode`;
  return new KeybatonError('UNAVAILABLE', message, { cause });
}

function sqliteFailure(code: string, cause: unknown): KeybatonError {
  if (isBusy(cause)) return locked(cause);
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') return full(cause);
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    return new KeybatonError(
      'INVALID_CONFIG',
      'the ledger file is damaged or no SQLite database: restore it from a backup',
      { cause },
    );
  }
  if (code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY') || code === 'SQLITE_PERM') {
    return unopened(code, cause);
  }
  if (code.startsWith('SQLITE_CONSTRAINT')) return contradiction(cause);
  return new KeybatonError('UNAVAILABLE', `the ledger failed (${code})`, { cause });
}

function postgresFailure(code: string, cause: unknown): KeybatonError {
  if (code === '53100') return full(cause);
  if (code === '55P03' || code === '57014' || lostRace(cause)) return locked(cause);
  if (code === '23505') return contradiction(cause);
  if (code.startsWith('28') || code === '42501') {
    return new KeybatonError('ACCESS_DENIED', `the ledger database refuses our login or rights (${code})`, { cause });
  }
  if (code === '3D000' || code === '3F000') {
    return new KeybatonError(
      'INVALID_CONFIG',
      'the ledger database or schema named in its URL does not exist: create it first',
      { cause },
    );
  }
  if (code.startsWith('XX')) {
    return new KeybatonError(
      'INVALID_CONFIG',
      `the ledger database reports damage (${code}): restore it from a backup`,
      { cause },
    );
  }
  return new KeybatonError('UNAVAILABLE', `the ledger database failed (${code})`, { cause });
}

function contradiction(cause: unknown): KeybatonError {
  return new KeybatonError('CONFLICT', 'the ledger already says something else: read it again', { cause });
}
