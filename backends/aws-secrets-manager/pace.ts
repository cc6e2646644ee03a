import { setTimeout as wait } from 'node:timers/promises';
import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall } from '../backend.ts';

/** Resolves when the next write may be sent. */
export type Pace = (call: BackendCall) => Promise<void>;

/**
 * Spreads writes evenly: the quota is one for all writers of an account and region, so what we take too much of is
 * missing elsewhere. UNAVAILABLE when the turn comes after the deadline, or the caller leaves: nothing was sent.
 */
export function createPace(perSecond: number): Pace {
  let free = 0;
  return async (call) => {
    const now = call.now();
    const turn = Math.max(now, free);
    if (turn >= call.deadline) {
      throw new KeybatonError('UNAVAILABLE', 'too many writes wait for their turn: nothing was written');
    }
    free = turn + 1_000 / perSecond;
    if (turn <= now) return;
    await wait(turn - now, undefined, { signal: call.signal }).catch(() => {
      throw new KeybatonError('UNAVAILABLE', 'the call was cancelled before anything was written');
    });
  };
}
