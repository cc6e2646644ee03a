import { randomUUID } from 'node:crypto';
import { openApi } from './api.ts';
import { follow } from './follow.ts';
import type { Held } from './keeper.ts';
import { keepCurrent } from './keeper.ts';
import { holdLease } from './lease.ts';
import { openOutbox } from './outbox.ts';
import { inTime } from './pause.ts';
import { problem } from './problem.ts';
import { isRefused as isRefusedByDefault } from './refused.ts';
import type { Secret } from './secret.ts';
import { openWitness } from './witness.ts';

export type { ConsumerProblem } from './problem.ts';
export type { Secret } from './secret.ts';
export { isRefused } from './refused.ts';

export interface ConnectOptions {
  /** Where keybaton's API listens, e.g. `http://127.0.0.1:7270`. */
  readonly url: string;
  /** From `keybaton token make`; a function is asked before each call, so that a token can be replaced. */
  readonly token: string | (() => string | Promise<string>);
  /** `provider/environment/application`. */
  readonly credential: string;
  /** The consumer's name in the inventory; the token is this consumer's. */
  readonly consumer: string;
  /** The name of this running copy, the same after a restart: a host or pod name. */
  readonly instance: string;
  /** Called when another version or epoch is held, the first one included. */
  readonly onChange?: (now: { readonly version: string; readonly epoch: number }) => void;
  /** Called with what went wrong in the background and is tried again. */
  readonly onProblem?: (problem: unknown) => void;
  /** Does this error of yours mean that the credential itself was refused? */
  readonly isRefused?: (error: unknown) => boolean;
  /** The value that proofs are made from, where the fields do not hold it under a name of its own. */
  readonly proofValue?: (fields: Readonly<Record<string, string>>) => string;
  /** Milliseconds this instance counts as present without a sign of life: 60 000. */
  readonly lease?: number;
  /** False: no push; for short jobs. A new version is then noticed after `refreshAfter`, or by a refusal. */
  readonly follow?: boolean;
  /** Milliseconds after which a held version is asked for again when nothing was heard: 300 000. */
  readonly refreshAfter?: number;
  /** Milliseconds for which a held version is used while keybaton does not answer: 86 400 000. */
  readonly maxStale?: number;
  /** Milliseconds for one call to keybaton: 5 000. */
  readonly timeout?: number;
  /** Milliseconds for which a previous version is used before the current one is tried again: 5 000. */
  readonly avoidRefused?: number;
  readonly fetch?: typeof globalThis.fetch;
}

export interface Connection {
  /** The version to use now. From memory; while keybaton is down, the one held. */
  secret(): Promise<Secret>;
  /** The version before, while it lives and is not compromised. */
  previous(): Promise<Secret>;
  /**
   * Runs `fn` with the fields. Its first success with a version is proved to keybaton. When it throws an error for which
   * `isRefused` is true, the secret is asked for again and `fn` run with it if it is another one, then with the previous
   * version, and keybaton is told. Any other error is yours and comes back as it is.
   */
  use<Result>(fn: (fields: Readonly<Record<string, string>>) => Result | Promise<Result>): Promise<Result>;
  /** Waits for what is not acknowledged yet (at most `within` milliseconds: 10 000), deregisters, and closes. */
  leave(within?: number): Promise<void>;
  /** Stops without deregistering: the lease runs out, and blocks until this instance returns. Leaves no timer or call behind. */
  close(): Promise<void>;
}

/** Connects one running copy of a consumer to its credential. Begins at once; everything is kept in memory alone. */
export function connect(options: ConnectOptions): Connection {
  const { url, token, credential, consumer, instance, onChange, isRefused = isRefusedByDefault } = options;
  const { timeout = 5_000, lease: leaseTime = 60_000, avoidRefused = 5_000 } = options;
  const onProblem = options.onProblem ?? ((): void => undefined);
  const boot = randomUUID();
  const stop = new AbortController();
  const { signal } = stop;
  const api = openApi({ url, token, credential, fetch: options.fetch ?? globalThis.fetch });

  const lease = holdLease({ api, instance, boot, lease: leaseTime, timeout, signal, onProblem });
  const keeper = keepCurrent({
    api,
    timeout,
    signal,
    registered: lease.tried,
    proofValue: options.proofValue,
    refreshAfter: options.refreshAfter ?? 300_000,
    maxStale: options.maxStale ?? 86_400_000,
    changed: ({ secret: { version, epoch } }) => {
      try {
        onChange?.({ version, epoch });
      } catch (error) {
        onProblem(error);
      }
    },
    onProblem,
  });
  const outbox = openOutbox({
    api,
    timeout,
    signal,
    onProblem,
    async stillCounts({ epoch }) {
      await lease.renew().catch(onProblem);
      const { secret } = await keeper.refetch().catch(() => ({ secret: { epoch } }));
      return Math.max(secret.epoch, keeper.seen()) <= epoch;
    },
  });
  const witness = openWitness({ outbox, credential, consumer, instance, boot });
  const following =
    options.follow === false
      ? Promise.resolve()
      : follow({ api, timeout, signal, seen: () => keeper.seen(), told: (epoch) => keeper.told(epoch) });

  /** While this lasts, the current version was refused and the previous one worked. */
  let fallenBack: { readonly epoch: number; readonly held: Held; readonly until: number } | undefined;

  type Outcome<Result> =
    { readonly worked: true; readonly result: Result } | { readonly worked: false; readonly error: unknown };

  async function attempt<Result>(
    fn: (fields: Secret['fields']) => Result | Promise<Result>,
    held: Held,
  ): Promise<Outcome<Result>> {
    try {
      return { worked: true, result: await fn(held.secret.fields) };
    } catch (error) {
      if (isRefused(error)) return { worked: false, error };
      throw error;
    }
  }

  async function use<Result>(fn: (fields: Secret['fields']) => Result | Promise<Result>): Promise<Result> {
    if (fallenBack !== undefined && fallenBack.epoch >= keeper.seen() && Date.now() < fallenBack.until) {
      const again = await attempt(fn, fallenBack.held);
      if (again.worked) return again.result;
    }
    fallenBack = undefined;

    let held = await keeper.current();
    let outcome = await attempt(fn, held);
    if (!outcome.worked) {
      const fresh = await keeper.refetch().catch(() => held);
      if (fresh.secret.epoch !== held.secret.epoch) {
        held = fresh;
        outcome = await attempt(fn, held);
      }
    }
    if (outcome.worked) {
      witness.used(held);
      return outcome.result;
    }

    const before = await keeper.previous().catch(() => undefined);
    if (before === undefined || before.secret.version === held.secret.version) {
      await witness.refused(held);
      throw outcome.error;
    }
    // Told first: evidence must not stand while we live on what it lets be killed.
    await witness.fellBack(held, before);
    const last = await attempt(fn, before);
    if (!last.worked) throw outcome.error;
    fallenBack = { epoch: held.secret.epoch, held: before, until: Date.now() + avoidRefused };
    return last.result;
  }

  async function close(): Promise<void> {
    if (signal.aborted) return;
    stop.abort(problem('CLOSED', 'this connection is closed'));
    await Promise.all([lease.ended, following, keeper.ended, outbox.drained()]);
  }

  return {
    secret: async () => (await keeper.current()).secret,
    previous: async () => (await keeper.previous()).secret,
    use,
    async leave(within = 10_000) {
      if (signal.aborted) return;
      await inTime(outbox.drained(), within);
      const path = `/instances/${encodeURIComponent(instance)}?boot=${boot}`;
      try {
        await api.ask({ method: 'DELETE', path, timeout, signal });
      } finally {
        await close();
      }
    },
    close,
  };
}
