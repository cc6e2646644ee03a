/** What this package throws: never a secret, a proof or a token in it. */
export interface ConsumerProblem extends Error {
  /** A code of keybaton's (`CONFLICT`, ...), or `NO_ANSWER`, `CLOSED`. */
  readonly code: string;
  /** The HTTP status; 0 when nothing answered. */
  readonly status: number;
  /** Milliseconds that the API asked us to wait. */
  readonly retryAfter: number | undefined;
}

export function problem(code: string, message: string, status = 0, retryAfter?: number): ConsumerProblem {
  return Object.assign(new Error(message), { name: 'ConsumerProblem', code, status, retryAfter });
}

export function isProblem(thrown: unknown): thrown is ConsumerProblem {
  return thrown instanceof Error && thrown.name === 'ConsumerProblem' && 'code' in thrown && 'status' in thrown;
}

/** The API knows our question and will give the same answer again: asking again helps nobody. */
export function isFinal(thrown: unknown): boolean {
  return isProblem(thrown) && [400, 409, 413, 422, 501].includes(thrown.status);
}
