import { ActivityFailure, ApplicationFailure, isCancellation, TimeoutFailure } from '@temporalio/workflow';
import { errorTable, isErrorCode } from '../domain/errors.ts';
import type { Trouble } from '../domain/incident.ts';

/** What an effect's failure amounts to. Cancellation and our own bugs pass through: an incident survives all else. */
export function troubleOf(thrown: unknown): Trouble {
  if (isCancellation(thrown) || !(thrown instanceof ActivityFailure)) throw thrown;
  const { cause } = thrown;
  if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) {
    const asked = cause.details?.[0];
    return {
      code: cause.type,
      why: cause.message,
      againIn: typeof asked === 'number' ? asked : 0,
      person: !errorTable[cause.type].retryable,
    };
  }
  const why = cause instanceof TimeoutFailure ? 'did not answer in time' : 'failed in a way this worker does not know';
  return { code: 'UNAVAILABLE', why: `${thrown.activityType} ${why}`, againIn: 0, person: false };
}

/** No worker polls the queue it was put on. */
export function neverStarted(thrown: unknown): boolean {
  return (
    thrown instanceof ActivityFailure &&
    thrown.cause instanceof TimeoutFailure &&
    thrown.cause.timeoutType === 'SCHEDULE_TO_START'
  );
}
