import type { Api } from './api.ts';
import { isRecord } from './api.ts';
import { backoff, jittered, pause } from './pause.ts';
import { isProblem } from './problem.ts';

export interface FollowOptions {
  readonly api: Api;
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** The highest epoch seen so far. */
  readonly seen: () => number;
  /** At each word of the API, whether or not anything changed. */
  readonly told: (epoch: number) => void;
}

/** No sign of life on a stream for this long: it is dead. The API sends one every 15 s. */
const silence = 45_000;
const longPoll = 25_000;
/** Polls that must succeed before a stream is tried again. */
const pollsBeforeStream = 4;

/** Hears of new epochs, by server-sent events, or by long polls where something between us breaks streams. Ends with the signal. */
export async function follow({ api, timeout, signal, seen, told }: FollowOptions): Promise<void> {
  const retry = backoff(200, 10_000);
  let polls = 0;
  while (!signal.aborted) {
    try {
      if (polls === 0) {
        const heard = await listen();
        if (heard) retry.reset();
        else polls = pollsBeforeStream;
        await pause(jittered(200), signal);
      } else {
        const answer = await api.ask({
          method: 'GET',
          path: `/events?wait=${String(longPoll)}&epoch=${String(seen())}`,
          timeout: longPoll + timeout,
          signal,
        });
        hear(answer);
        retry.reset();
        polls -= 1;
      }
    } catch (error) {
      // Nothing to tell: whoever needs a secret meanwhile sees for himself that the API is away.
      if (polls === 0) polls = pollsBeforeStream;
      await pause(retry.next(isProblem(error) ? error.retryAfter : undefined), signal);
    }
  }

  function hear(standing: unknown): void {
    if (isRecord(standing) && typeof standing['epoch'] === 'number') told(standing['epoch']);
  }

  /** Was anything heard before the stream ended? */
  async function listen(): Promise<boolean> {
    const cut = new AbortController();
    let watchdog = setTimeout(() => cut.abort(), silence);
    watchdog.unref();
    let heard = false;
    try {
      const response = await api.stream('/events', timeout, AbortSignal.any([signal, cut.signal]));
      let rest = '';
      const decoder = new TextDecoder();
      if (response.body === null) return false;
      // Node's own types leave the chunks of a body open; fetch gives bytes.
      for await (const bytes of response.body as AsyncIterable<Uint8Array>) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => cut.abort(), silence);
        watchdog.unref();
        rest += decoder.decode(bytes, { stream: true });
        const events = rest.split(/\r?\n\r?\n/);
        rest = events.pop() ?? '';
        for (const event of events) {
          const line = event.split(/\r?\n/).find((one) => one.startsWith('data:'));
          if (line === undefined) continue;
          hear(JSON.parse(line.slice('data:'.length)));
          heard = true;
        }
      }
      return heard;
    } catch (error) {
      if (heard) return true;
      throw error;
    } finally {
      clearTimeout(watchdog);
    }
  }
}
