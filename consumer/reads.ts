import type { Api } from './api.ts';
import { isRecord } from './api.ts';
import type { Held } from './keeper.ts';
import { isProblem, problem } from './problem.ts';
import { makeSecret } from './secret.ts';
import { heldFrom } from './source.ts';
import type { ProofValue, Source, Stored } from './source.ts';

/** Where versions are read from: keybaton's embedded vault, or a store beside it. */
export interface Reads {
  /** Milliseconds between two questions while a newer version is known of and not there yet. */
  readonly longestPause: number;
  current(): Promise<Held>;
  /** What may be fallen back to: asked for each time, since only keybaton knows whether it is compromised. */
  previous(): Promise<Held>;
}

export interface ApiReads {
  readonly api: Api;
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly proofValue: ProofValue | undefined;
}

/** Out of the embedded vault, by the API. */
export function readFromApi({ api, timeout, signal, proofValue }: ApiReads): Reads {
  const read = async (which: 'current' | 'previous'): Promise<Held> =>
    heldFromAnswer(await api.ask({ method: 'GET', path: `/secret?which=${which}`, timeout, signal }), proofValue);
  return { longestPause: 2_000, current: () => read('current'), previous: () => read('previous') };
}

function heldFromAnswer(answer: unknown, proofValue: ProofValue | undefined): Held {
  if (isRecord(answer)) {
    const { version, epoch, fields, value: name } = answer;
    if (typeof version === 'string' && typeof epoch === 'number' && isRecord(fields)) {
      const texts = Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
      const secret = makeSecret({ fields: Object.fromEntries(texts), version, epoch });
      const named = typeof proofValue === 'string' ? proofValue : name;
      const value =
        typeof proofValue === 'function'
          ? proofValue(secret.fields)
          : typeof named === 'string'
            ? secret.fields[named]
            : undefined;
      if (value !== undefined) return { secret, value };
    }
  }
  throw problem('NO_ANSWER', 'keybaton answered something that is not a secret');
}

export interface SourceReads extends Omit<ApiReads, 'api'> {
  readonly source: Source;
  /** Undefined: nobody says which version may be fallen back to, so none is. */
  readonly api: Api | undefined;
  readonly onProblem: (problem: unknown) => void;
}

/** Out of a store beside keybaton, which is asked only what it alone knows. */
export function readFromSource(options: SourceReads): Reads {
  const { source, api, timeout, signal, proofValue, onProblem } = options;
  /** The last two versions that were read: a mounted file shows none but the current one. */
  let remembered: readonly Held[] = [];
  let saidNoValue = false;

  async function ask(read: (signal: AbortSignal) => Promise<Stored>): Promise<Held> {
    const ending = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
    const stored = await unlessEnded(read(ending), ending).catch((error: unknown) => {
      if (isProblem(error)) throw error;
      // The cause is dropped: it may quote what was read.
      throw problem('NO_ANSWER', `${source.name} cannot be read`);
    });
    return heldFrom(stored, source.name, proofValue);
  }

  return {
    longestPause: 10_000,
    async current() {
      const held = await ask((ending) => source.current(ending));
      if (api !== undefined && held.value === undefined && !saidNoValue) {
        saidNoValue = true;
        const names = Object.keys(held.secret.fields).toSorted().join(', ');
        onProblem(
          problem(
            'INVALID_CONFIG',
            `nothing is proved: pass proofValue, the one of the fields ${names} that is the value`,
          ),
        );
      }
      const others = remembered.filter(({ secret }) => secret.version !== held.secret.version);
      remembered = [held, ...others].slice(0, 2);
      return held;
    },

    async previous() {
      if (api === undefined) {
        throw problem(
          'NOT_FOUND',
          'only keybaton knows whether an earlier version may still be used: pass url and token',
        );
      }
      const standing = await api.ask({ method: 'GET', path: '/previous', timeout, signal });
      const version = isRecord(standing) ? standing['version'] : undefined;
      if (typeof version !== 'string') throw problem('NO_ANSWER', 'keybaton answered something that is no version');
      const known = remembered.find(({ secret }) => secret.version === version);
      if (known !== undefined) return known;
      if (source.before === undefined) throw problem('NOT_FOUND', `${source.name} shows no earlier version`);
      const shown = await ask((ending) => source.before?.(version, ending) ?? Promise.reject(new Error('gone')));
      if (shown.secret.version === version) return shown;
      throw problem('NOT_FOUND', `${source.name} does not show the earlier version any more`);
    },
  };
}

/** A source that does not heed the signal is not waited for. */
async function unlessEnded<Answer>(reading: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  const ended = Promise.withResolvers<never>();
  const end = (): void => ended.reject(new Error('too late'));
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    return await Promise.race([reading, ended.promise]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
