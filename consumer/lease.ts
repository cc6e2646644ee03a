import type { Api } from './api.ts';
import { isProblem } from './problem.ts';
import { backoff, jittered, pause } from './pause.ts';

export interface Lease {
  /** Settled once the first registration was answered, or not: a secret is not read before it was tried. */
  readonly tried: Promise<void>;
  /** Registers again now, for example because the API does not know us any more. */
  renew(): Promise<void>;
  /** Registers no more; resolves when a renewal that is on its way was answered. */
  stop(): Promise<void>;
  /** Ends with the signal. */
  readonly ended: Promise<void>;
}

export interface LeaseOptions {
  readonly api: Api;
  readonly instance: string;
  readonly boot: string;
  /** Milliseconds. */
  readonly lease: number;
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: unknown) => void;
}

/**
 * Keeps this instance registered, from now on: renewed at about a third of the lease. While an earlier start of the same
 * name still beats, registering is refused; it is tried again until that one's lease has lapsed.
 */
export function holdLease(options: LeaseOptions): Lease {
  const { api, instance, boot, lease, timeout, signal, onProblem } = options;
  const path = `/instances/${encodeURIComponent(instance)}`;

  const stopping = new AbortController();
  const resting = AbortSignal.any([signal, stopping.signal]);
  const renewals = new Set<Promise<unknown>>();

  async function renew(): Promise<void> {
    if (stopping.signal.aborted) return;
    const asked = api.ask({ method: 'PUT', path, body: { boot, lease }, timeout, signal });
    renewals.add(asked);
    await asked.finally(() => renewals.delete(asked));
  }

  let settle = (): void => undefined;
  const tried = new Promise<void>((resolve) => (settle = resolve));

  async function keep(): Promise<void> {
    const retry = backoff(Math.min(250, lease / 10), Math.max(lease / 3, 50));
    while (!resting.aborted) {
      try {
        await renew();
        retry.reset();
        settle();
        await pause(jittered(lease / 3), resting);
      } catch (error) {
        settle();
        if (!signal.aborted) onProblem(error);
        await pause(retry.next(isProblem(error) ? error.retryAfter : undefined), resting);
      }
    }
    settle();
  }

  const ended = keep();
  return {
    tried,
    renew,
    async stop() {
      stopping.abort();
      await Promise.allSettled([ended, ...renewals]);
    },
    ended,
  };
}
