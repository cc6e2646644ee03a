/**
 * The one error of keybaton and its closed list of codes. HTTP status, CLI exit code and "may it be tried again" come
 * from this table and nowhere else; `docs/errors.md` is held to it by a test.
 */
export const errorTable = {
  INVALID_CONFIG: { status: 400, exit: 2, retryable: false, means: 'a setting, file or argument is wrong' },
  ACCESS_DENIED: { status: 403, exit: 3, retryable: false, means: 'the caller, or our admin credential, is refused' },
  NOT_FOUND: { status: 404, exit: 4, retryable: false, means: 'the thing named does not exist, and we know it' },
  CONFLICT: { status: 409, exit: 5, retryable: false, means: 'the world has moved on, or says something else already' },
  CAPACITY_EXHAUSTED: { status: 507, exit: 6, retryable: false, means: 'a quota, slot or disk is full' },
  UNSUPPORTED: {
    status: 501,
    exit: 7,
    retryable: false,
    means: 'the other side has no such ability; a person must act',
  },
  VERIFICATION_FAILED: { status: 422, exit: 8, retryable: false, means: 'a proof or check came out negative' },
  RATE_LIMITED: { status: 429, exit: 9, retryable: true, means: 'too many calls; try again after the time given' },
  UNAVAILABLE: { status: 503, exit: 10, retryable: true, means: 'no answer, and the call had no effect' },
  AMBIGUOUS: { status: 504, exit: 11, retryable: true, means: 'no answer, and the call may have happened' },
} as const;

export type ErrorCode = keyof typeof errorTable;

const brand = Symbol.for('keybaton.error');

export interface ErrorExtras {
  /** What was thrown below. Never printed, logged or serialised: it may hold a secret. */
  readonly cause?: unknown;
  /** Milliseconds the other side asked us to wait. */
  readonly retryAfter?: number;
}

/**
 * Message: lower case, no full stop, no secret values, and what to do where a person can do something.
 * Recognised by a symbol, not by `instanceof`: two copies of the package must not disagree.
 */
export class KeybatonError extends Error {
  readonly code: ErrorCode;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = 'KeybatonError';
    this.code = code;
    this.retryAfter = extras.retryAfter;
    Object.defineProperty(this, brand, { value: true });
  }
}

export function isKeybatonError(thrown: unknown): thrown is KeybatonError {
  return typeof thrown === 'object' && thrown !== null && brand in thrown;
}

/** The code of anything thrown; what is not ours is `UNAVAILABLE`: it is never read as "absent". */
export function codeOf(thrown: unknown): ErrorCode {
  return isKeybatonError(thrown) ? thrown.code : 'UNAVAILABLE';
}

export function isErrorCode(text: string | null | undefined): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(errorTable, text);
}
