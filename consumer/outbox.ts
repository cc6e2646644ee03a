import type { Api } from './api.ts';
import { backoff, pause } from './pause.ts';
import { isFinal, isProblem } from './problem.ts';

export interface Letter {
  readonly path: '/proofs' | '/reports';
  readonly epoch: number;
  readonly body: unknown;
}

export type Delivery = 'acknowledged' | 'given up';

export interface Outbox {
  /** Sends it until the API has acknowledged it. Settles, never throws; `given up` when it can no longer count. */
  send(letter: Letter): Promise<Delivery>;
  /** Settles when nothing waits any more. */
  drained(): Promise<void>;
}

export interface OutboxOptions {
  readonly api: Api;
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** The world moved on (409): look again, and say whether this letter can still count. */
  readonly stillCounts: (letter: Letter) => Promise<boolean>;
  readonly onProblem: (problem: unknown) => void;
}

interface Waiting {
  readonly letter: Letter;
  readonly settle: (delivery: Delivery) => void;
}

/** One letter after the other, in the order in which they were written: a report must not be overtaken by an older proof. */
export function openOutbox({ api, timeout, signal, stillCounts, onProblem }: OutboxOptions): Outbox {
  const waiting: Waiting[] = [];
  let sending: Promise<void> = Promise.resolve();
  let busy = false;

  async function deliver(letter: Letter): Promise<Delivery> {
    const retry = backoff(200, 10_000);
    while (!signal.aborted) {
      try {
        await api.ask({ method: 'POST', path: letter.path, body: letter.body, timeout, signal });
        return 'acknowledged';
      } catch (error) {
        if (signal.aborted) break;
        onProblem(error);
        const conflict = isProblem(error) && error.status === 409;
        if (isFinal(error) && !(conflict && (await stillCounts(letter)))) return 'given up';
        await pause(retry.next(isProblem(error) ? error.retryAfter : undefined), signal);
      }
    }
    return 'given up';
  }

  async function sendAll(): Promise<void> {
    busy = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      next.settle(await deliver(next.letter));
    busy = false;
  }

  return {
    send(letter) {
      return new Promise((settle) => {
        waiting.push({ letter, settle });
        if (!busy) sending = sendAll();
      });
    },
    async drained() {
      while (busy) await sending;
    },
  };
}
