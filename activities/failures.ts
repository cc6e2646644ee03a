import { ApplicationFailure, CancelledFailure, CompleteAsyncError } from '@temporalio/common';
import { codeOf, errorTable, isKeybatonError } from '../domain/errors.ts';

/**
 * The one place that knows how our errors become Temporal's. What is returned holds a code, our own message and a
 * number: no cause, no stack of foreign code, no property of what was thrown. It runs inside the code that logs and
 * converts, so that log line and history are clean.
 */
export function toFailure(thrown: unknown): Error {
  // Temporal's own control flow; neither carries anything of ours.
  if (thrown instanceof CancelledFailure || thrown instanceof CompleteAsyncError) return thrown;
  const code = codeOf(thrown);
  const failure = ApplicationFailure.create({
    type: code,
    message: isKeybatonError(thrown) ? thrown.message : 'an adapter threw something that is not a keybaton error',
    nonRetryable: !errorTable[code].retryable,
    details: [isKeybatonError(thrown) ? (thrown.retryAfter ?? null) : null],
    ...(isKeybatonError(thrown) && thrown.retryAfter !== undefined ? { nextRetryDelay: thrown.retryAfter } : {}),
  });
  // The stack names only our own frames, but its first line and what it wraps are not worth the doubt.
  failure.stack = `${failure.name}: ${code}`;
  return failure;
}
