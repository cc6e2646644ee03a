import { backoff, inTime, jittered, pause } from './pause.ts';
import { isProblem, problem } from './problem.ts';
import type { Reads } from './reads.ts';
import type { Secret } from './secret.ts';

/** A version as we hold it: the secret, and the value that proofs are made from. */
export interface Held {
  readonly secret: Secret;
  /** Undefined where nobody said which of several fields it is: then nothing is proved. */
  readonly value: string | undefined;
}

export interface Keeper {
  /** From memory while it is fresh; else asked for, by one question however many callers wait. */
  current(): Promise<Held>;
  /** Asked for now, past the memory. */
  refetch(): Promise<Held>;
  /** What to fall back to: asked for each time, since only the API knows whether it is compromised. */
  previous(): Promise<Held>;
  /** The API said that this epoch stands. */
  told(epoch: number): void;
  seen(): number;
  readonly ended: Promise<void>;
}

export interface KeeperOptions {
  readonly reads: Reads;
  readonly signal: AbortSignal;
  /** Settled once registering was tried. */
  readonly registered: Promise<void>;
  /** Milliseconds for which a reading is good: at three quarters of them it is asked for again, while it is used on. */
  readonly lifetime: number;
  /** Milliseconds for which a held version is used while the API does not answer. */
  readonly maxStale: number;
  readonly changed: (held: Held) => void;
  readonly onProblem: (problem: unknown) => void;
}

/** Keeps the version of the highest epoch in memory, and nowhere else. */
export function keepCurrent(options: KeeperOptions): Keeper {
  const { reads, signal, registered, lifetime, changed, onProblem } = options;
  let held: Held | undefined;
  let highest = 0;
  let heardAt = 0;
  let askAgainAt = 0;
  /** The API asked not to be asked before. */
  let patientUntil = 0;
  let asking: Promise<Held> | undefined;
  let catching: Promise<void> = Promise.resolve();
  let isCatching = false;
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const freshFor = jittered(0.75 * lifetime);
  const retry = backoff(100, 5_000);

  async function ask(): Promise<Held> {
    await registered;
    if (signal.aborted) throw problem('CLOSED', 'this connection is closed');
    const answer = await reads.current();
    heardAt = Date.now();
    if (held === undefined || answer.secret.epoch > held.secret.epoch) {
      held = answer;
      highest = Math.max(highest, answer.secret.epoch);
      changed(held);
    }
    if (held.secret.epoch < highest) catchUp();
    return held;
  }

  function refetch(): Promise<Held> {
    asking ??= ask()
      .then(
        (answer) => {
          retry.reset();
          askAgainAt = 0;
          return answer;
        },
        (error: unknown) => {
          const patience = isProblem(error) ? (error.retryAfter ?? 0) : 0;
          patientUntil = Date.now() + patience;
          askAgainAt = Date.now() + retry.next(patience);
          throw error;
        },
      )
      .finally(() => (asking = undefined));
    return asking;
  }

  /** Bounded: a version that was not confirmed for longer than `maxStale` is not used on. */
  function staleOr(error: unknown): Held {
    if (held !== undefined && Date.now() - heardAt < options.maxStale) return held;
    throw error;
  }

  function catchUp(): void {
    if (isCatching || held === undefined) return;
    isCatching = true;
    catching = (async () => {
      // The epoch is decided before the vault shows it: the first answers may still be the old one.
      const behind = backoff(50, reads.longestPause);
      while (!signal.aborted && held !== undefined && held.secret.epoch < highest) {
        await refetch().catch(onProblem);
        if (held.secret.epoch < highest) await pause(Math.max(behind.next(), askAgainAt - Date.now()), signal);
      }
      isCatching = false;
    })();
  }

  return {
    async current() {
      if (signal.aborted) throw problem('CLOSED', 'this connection is closed');
      if (held === undefined) {
        const wait = patientUntil - Date.now();
        // Somebody waits for this one: it may keep the process alive.
        if (asking === undefined && wait > 0) await inTime(stopped, wait);
        return refetch();
      }
      const age = Date.now() - heardAt;
      if (held.secret.epoch < highest) {
        catchUp();
        if (asking !== undefined) return await asking.catch(staleOr);
        return staleOr(problem('NO_ANSWER', 'keybaton has not shown its newest version'));
      }
      if (age < freshFor) return held;
      if (Date.now() < askAgainAt && age < options.maxStale) return held;
      const asked = refetch();
      if (age >= lifetime) return await asked.catch(staleOr);
      // Nobody waits: what is held is good until its lifetime ends.
      asked.catch(() => undefined);
      return held;
    },
    refetch,
    previous: () => reads.previous(),
    told(epoch) {
      highest = Math.max(highest, epoch);
      if (held === undefined) return;
      if (held.secret.epoch >= highest) heardAt = Date.now();
      else catchUp();
    },
    seen: () => highest,
    get ended() {
      return catching;
    },
  };
}
