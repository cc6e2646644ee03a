import { KeybatonError } from '../domain/errors.ts';
import type { BackendCall } from './backend.ts';

/** Asked right before anything is sent or written: throws UNAVAILABLE when the caller has gone or the deadline has passed. */
export function ensureInTime(call: BackendCall): void {
  if (call.signal.aborted) throw new KeybatonError('UNAVAILABLE', 'the call was cancelled before anything was written');
  if (call.now() >= call.deadline) {
    throw new KeybatonError('UNAVAILABLE', 'the deadline of this call has passed: nothing was written');
  }
}
