import { ActivityFailure, condition, continueAsNew, isCancellation, setHandler } from '@temporalio/workflow';
import { watching } from './effects.ts';
import { wake } from './messages.ts';

export interface WatchInput {
  readonly target: string;
  /** Milliseconds between two tries when reading fails. */
  readonly retryAfter: number;
}

/**
 * Reads the use of every watched version of one target until none is watched. One long heartbeating activity: a killed
 * worker costs its heartbeat time-out, and for `sample` signals the gap restarts the window.
 */
export async function watchTarget(input: WatchInput): Promise<void> {
  let asked = false;
  setHandler(wake, () => {
    asked = true;
  });
  for (let rounds = 0; rounds < 500; rounds += 1) {
    asked = false;
    try {
      await watching.watchTarget({ target: input.target });
      // A version that came to be watched while the activity was ending has woken us.
      if (!asked) return;
    } catch (thrown) {
      if (isCancellation(thrown) || !(thrown instanceof ActivityFailure)) throw thrown;
      await condition(() => asked, input.retryAfter);
    }
  }
  await continueAsNew<typeof watchTarget>(input);
}
