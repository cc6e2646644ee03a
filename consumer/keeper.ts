import type { Api } from './api.ts';
import { isRecord } from './api.ts';
import { backoff, jittered, pause } from './pause.ts';
import { problem } from './problem.ts';
import type { Secret } from './secret.ts';
import { makeSecret } from './secret.ts';

/** A version as we hold it: the secret, and the value that proofs are made from. */
export interface Held {
  readonly secret: Secret;
  readonly value: string;
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
  readonly api: Api;
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Settled once registering was tried. */
  readonly registered: Promise<void>;
  readonly proofValue: ((fields: Readonly<Record<string, string>>) => string) | undefined;
  /** Milliseconds after which a held version is asked for again when nothing was heard. */
  readonly refreshAfter: number;
  /** Milliseconds for which a held version is used while the API does not answer. */
  readonly maxStale: number;
  readonly changed: (held: Held) => void;
  readonly onProblem: (problem: unknown) => void;
}

/** Keeps the version of the highest epoch in memory, and nowhere else. */
export function keepCurrent(options: KeeperOptions): Keeper {
  const { api, timeout, signal, registered, proofValue, changed, onProblem } = options;
  let held: Held | undefined;
  let highest = 0;
  let heardAt = 0;
  let askAgainAt = 0;
  let asking: Promise<Held> | undefined;
  let catching: Promise<void> = Promise.resolve();
  let isCatching = false;
  const freshFor = jittered(options.refreshAfter);
  const retry = backoff(100, 5_000);

  async function ask(): Promise<Held> {
    await registered;
    if (signal.aborted) throw problem('CLOSED', 'this connection is closed');
    const answer = read(await api.ask({ method: 'GET', path: '/secret?which=current', timeout, signal }), proofValue);
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
          askAgainAt = Date.now() + retry.next();
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
      const behind = backoff(50, 2_000);
      while (!signal.aborted && held !== undefined && held.secret.epoch < highest) {
        await refetch().catch(onProblem);
        if (held.secret.epoch < highest) await pause(behind.next(), signal);
      }
      isCatching = false;
    })();
  }

  return {
    async current() {
      if (signal.aborted) throw problem('CLOSED', 'this connection is closed');
      if (held === undefined) return refetch();
      const age = Date.now() - heardAt;
      if (held.secret.epoch < highest) {
        catchUp();
        return asking === undefined ? held : await asking.catch(staleOr);
      }
      if (age < freshFor) return held;
      if (Date.now() < askAgainAt && age < options.maxStale) return held;
      return await refetch().catch(staleOr);
    },
    refetch,
    async previous() {
      return read(await api.ask({ method: 'GET', path: '/secret?which=previous', timeout, signal }), proofValue);
    },
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

function read(answer: unknown, proofValue: KeeperOptions['proofValue']): Held {
  if (isRecord(answer)) {
    const { version, epoch, fields, value: name } = answer;
    if (typeof version === 'string' && typeof epoch === 'number' && isRecord(fields)) {
      const texts = Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
      const secret = makeSecret({ fields: Object.fromEntries(texts), version, epoch });
      const value = proofValue?.(secret.fields) ?? (typeof name === 'string' ? secret.fields[name] : undefined);
      if (value !== undefined) return { secret, value };
    }
  }
  throw problem('NO_ANSWER', 'keybaton answered something that is not a secret');
}
