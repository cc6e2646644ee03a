import type { Api } from './api.ts';
import { openApi } from './api.ts';
import type { Keeper } from './keeper.ts';
import { keepCurrent } from './keeper.ts';
import { jittered, pause } from './pause.ts';
import { problem } from './problem.ts';
import { readFromApi, readFromSource } from './reads.ts';
import type { Reads } from './reads.ts';
import { isRefused as isRefusedByDefault } from './refused.ts';
import type { Secret } from './secret.ts';
import type { ProofValue, Source } from './source.ts';
import { tellKeybaton, tellNobody } from './tells.ts';
import { useWith } from './use.ts';

export type { ConsumerProblem } from './problem.ts';
export type { Secret } from './secret.ts';
export type { ProofValue, Source, Stored } from './source.ts';
export { isRefused } from './refused.ts';

export interface ConnectOptions {
  /** Where keybaton's API listens, e.g. `http://127.0.0.1:7270`. Without it and a token a `source` is read and nothing is proved. */
  readonly url?: string | undefined;
  /** From `keybaton token make`; a function is asked before each call, so that a token can be replaced. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** The store where the secret is read; without it, keybaton's embedded vault. */
  readonly source?: Source | undefined;
  /** `provider/environment/application`. */
  readonly credential: string;
  /** The consumer's name in the inventory; the token is this consumer's. */
  readonly consumer: string;
  /** The name of this running copy, the same after a restart: a host or pod name. */
  readonly instance: string;
  /** Called when another version or epoch is held, the first one included. */
  readonly onChange?: (now: { readonly version: string; readonly epoch: number }) => void;
  /** Called with what went wrong in the background and is tried again; code UNPROVED: nothing will be proved at all. */
  readonly onProblem?: (problem: unknown) => void;
  /** Does this error of yours mean that the credential itself was refused? */
  readonly isRefused?: (error: unknown) => boolean;
  /** The field that proofs are made from, or a function where none holds the value alone. With a `source` of one field: that one. */
  readonly proofValue?: ProofValue;
  /** Milliseconds this instance counts as present without a sign of life: 60 000. */
  readonly lease?: number;
  /** False: no push, nothing in the background; for short jobs. A new version is then noticed after `lifetime`, or by a refusal. */
  readonly follow?: boolean;
  /** Milliseconds for which a reading is good: 300 000. At about three quarters of them it is made again, and nobody waits. */
  readonly lifetime?: number;
  /** Milliseconds for which a held version is used while what it is read from does not answer: 86 400 000. */
  readonly maxStale?: number;
  /** Milliseconds for one call to keybaton, or one reading: 5 000. */
  readonly timeout?: number;
  /** Milliseconds for which a previous version is used before the current one is tried again: 5 000. */
  readonly avoidRefused?: number;
  readonly fetch?: typeof globalThis.fetch;
}

export interface Connection {
  /** False: there is no keybaton to tell, so no rotation learns what this instance uses. */
  readonly proves: boolean;
  /** The version to use now. From memory; while what it is read from is down, the one held. */
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

/**
 * Connects one running copy of a consumer to its credential. Begins at once; everything is kept in memory alone.
 * @throws INVALID_CONFIG when there is neither a source nor url and token, or only one of these two
 */
export function connect(options: ConnectOptions): Connection {
  const { credential, consumer, instance, source, proofValue, onChange } = options;
  const { timeout = 5_000, lifetime = 300_000, follow = true } = options;
  const api = apiOf(options);
  const onProblem = options.onProblem ?? ((): void => undefined);
  const stop = new AbortController();
  const { signal } = stop;
  if (api === undefined) sayUnproved(options);

  const tells =
    api === undefined
      ? tellNobody
      : tellKeybaton({
          ...{ api, credential, consumer, instance, timeout, follow, signal, onProblem },
          lease: options.lease ?? 60_000,
          keeper: () => keeper,
        });
  const keeper: Keeper = keepCurrent({
    ...{ signal, lifetime, onProblem },
    reads: readsOf({ api, source, timeout, signal, proofValue, onProblem }),
    registered: tells.registered,
    maxStale: options.maxStale ?? 86_400_000,
    changed: ({ secret: { version, epoch } }) => {
      try {
        onChange?.({ version, epoch });
      } catch (error) {
        onProblem(error);
      }
    },
  });
  const refresh = (): Promise<unknown> => keeper.refetch().catch(onProblem);
  const background = follow && source !== undefined ? keepReading(source) : Promise.resolve();
  const use = useWith({
    ...{ keeper, witness: tells.witness },
    isRefused: options.isRefused ?? isRefusedByDefault,
    avoidRefused: options.avoidRefused ?? 5_000,
  });

  /** A store pushes nothing: who only listens for changes would hear of none. */
  async function keepReading(from: Source): Promise<void> {
    const watching = from.watch?.(() => void refresh(), signal).catch(onProblem);
    for (;;) {
      await pause(jittered(0.75 * lifetime), signal);
      if (signal.aborted) break;
      await refresh();
    }
    await watching;
  }

  async function close(): Promise<void> {
    if (signal.aborted) return;
    stop.abort(problem('CLOSED', 'this connection is closed'));
    await Promise.all([tells.ended(), background, keeper.ended]);
  }

  return {
    proves: api !== undefined,
    secret: async () => (await keeper.current()).secret,
    previous: async () => (await keeper.previous()).secret,
    use,
    async leave(within = 10_000) {
      if (signal.aborted) return;
      try {
        await tells.leave(within);
      } finally {
        await close();
      }
    },
    close,
  };
}

function apiOf({ url = '', token = '', source, credential, fetch }: ConnectOptions): Api | undefined {
  if (url !== '' && token !== '') return openApi({ url, token, credential, fetch: fetch ?? globalThis.fetch });
  if (source === undefined)
    throw problem('INVALID_CONFIG', 'url and token of keybaton are missing, and so is a source');
  if (url === '' && token === '') return undefined;
  throw problem('INVALID_CONFIG', `url and token of keybaton go together: ${url === '' ? 'url' : 'token'} is missing`);
}

function sayUnproved({ credential, consumer, onProblem }: ConnectOptions): void {
  const text = `${credential} as ${consumer}: without url and token of keybaton nothing is proved, so a rotation that waits for this consumer is held`;
  if (onProblem === undefined) process.emitWarning(text, { code: 'UNPROVED', type: 'KeybatonWarning' });
  else onProblem(problem('UNPROVED', text));
}

function readsOf({
  api,
  source,
  ...common
}: Omit<Parameters<typeof readFromSource>[0], 'source'> & { readonly source: Source | undefined }): Reads {
  if (source !== undefined) return readFromSource({ ...common, api, source });
  if (api === undefined) throw problem('INVALID_CONFIG', 'there is nothing to read from');
  return readFromApi({ ...common, api });
}
