/** Waits, without keeping the process alive; returns early when the signal is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    timer.unref();
    signal.addEventListener('abort', end);
  });
}

/** Waits for something that somebody waits for in turn, but no longer than this; what it waits for goes on. */
export async function inTime(awaited: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
  await Promise.race([awaited, enough]);
  clearTimeout(timer);
}

/** Somewhere within a fifth of it, so that many instances do not ask at one instant. */
export function jittered(milliseconds: number): number {
  return milliseconds * (0.8 + 0.4 * Math.random());
}

/** Doubles from `first` to `longest`, jittered; `reset` after a success. */
export function backoff(first: number, longest: number): { next(asked?: number): number; reset(): void } {
  let current = first;
  return {
    next(asked = 0) {
      const waited = Math.max(jittered(current), asked);
      current = Math.min(current * 2, longest);
      return waited;
    },
    reset() {
      current = first;
    },
  };
}
