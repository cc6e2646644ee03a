import { type ErrorCode, KeybatonError } from '../domain/errors.ts';

/** What went wrong with one HTTP call, in words that hold nothing of request or answer but method, host, path and status. */
export interface HttpFailure {
  /** `POST api.example.com/keys`; never a query, a header or a body. */
  readonly what: string;
  /** The request may have taken effect although no good answer came. */
  readonly mayHaveHappened: boolean;
  readonly retryAfter?: number | undefined;
}

/** The error for an answer nobody asked to see. The one table from HTTP status to code of what providers and backends say to us. */
export function failureOfStatus(status: number, failure: HttpFailure): KeybatonError {
  const code = codeOfStatus(status, failure.mayHaveHappened);
  return withRetryAfter(code, `${failure.what} answered ${status}${hints[code] ?? ''}`, failure.retryAfter);
}

/** The error for no answer, or one that cannot be read. `reason` is a word of ours or the name of a system error. */
export function failureWithoutAnswer(reason: string, failure: HttpFailure): KeybatonError {
  return withRetryAfter(failure.mayHaveHappened ? 'AMBIGUOUS' : 'UNAVAILABLE', `${failure.what}: ${reason}`, undefined);
}

function codeOfStatus(status: number, mayHaveHappened: boolean): ErrorCode {
  if (status === 429) return 'RATE_LIMITED';
  // 408: the server gave up waiting for, or reading, our request. As uncertain as a 5xx.
  if (status >= 500 || status === 408) return mayHaveHappened ? 'AMBIGUOUS' : 'UNAVAILABLE';
  if (status === 401 || status === 403) return 'ACCESS_DENIED';
  if (status === 404 || status === 410) return 'NOT_FOUND';
  if (status === 409 || status === 412) return 'CONFLICT';
  return 'INVALID_CONFIG';
}

const hints: Partial<Record<ErrorCode, string>> = {
  ACCESS_DENIED: ': check the admin credential and its permissions',
  INVALID_CONFIG: ': check the settings of the target',
};

function withRetryAfter(code: ErrorCode, message: string, retryAfter: number | undefined): KeybatonError {
  // No cause: errors of the HTTP library carry headers and bodies.
  return new KeybatonError(code, message, retryAfter === undefined ? {} : { retryAfter });
}
