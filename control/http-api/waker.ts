import { codeOf } from '../../domain/errors.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { Rotations } from '../ports.ts';

export interface Waker {
  /** Sends `wake` beside the answer: the evidence is durable already, and a lost wake only costs time. */
  wake(credential: CredentialId): void;
  /** Returns once nothing is on its way any more; gives up what is waiting for another attempt. */
  close(): Promise<void>;
}

/** Attempts at 0, 1, 2, 4, 8 and 16 s, one series per credential; after that the rotation's own hourly question remains. */
export function waker(rotations: Rotations, trouble: (code: string) => void, firstPause = 1_000): Waker {
  const running = new Map<CredentialId, Promise<void>>();
  const wanted = new Set<CredentialId>();
  const closing = new AbortController();

  async function attempt(credential: CredentialId): Promise<void> {
    for (let pause = firstPause; ; pause *= 2) {
      try {
        await rotations.wake(credential);
        return;
      } catch (error) {
        if (pause > 16 * firstPause || closing.signal.aborted) {
          trouble(codeOf(error));
          return;
        }
        await paused(pause, closing.signal);
      }
    }
  }

  async function series(credential: CredentialId): Promise<void> {
    do {
      wanted.delete(credential);
      await attempt(credential);
    } while (wanted.has(credential) && !closing.signal.aborted);
    running.delete(credential);
  }

  return {
    wake(credential) {
      // Evidence that arrives while a series runs may be newer than its last attempt: one more follows it.
      wanted.add(credential);
      if (!running.has(credential)) running.set(credential, series(credential));
    },
    async close() {
      closing.abort();
      await Promise.all(running.values());
    },
  };
}

function paused(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
