import type { AccessEvents } from './access-events.ts';
import { placeOf } from './address-place.ts';
import type { SignInMethod } from './principal.ts';
import type { Refusal } from './refusal.ts';

export interface RefusedSignIn {
  /** As what it was shown; a value of no known shape is `unknown`. */
  readonly method: SignInMethod | 'unknown';
  readonly address: string;
  readonly why: Refusal;
}

/** Sign-ins that were refused, for the record: never what was shown. */
export interface RefusedSignIns {
  /** The first of its kind is written when it returns; its repetitions by their number once the minute is over. Never fails. */
  note(refused: RefusedSignIn): Promise<void>;
  /** Writes what was counted. */
  close(): Promise<void>;
}

export interface RefusedSignInsOptions {
  readonly events: Pick<AccessEvents, 'write'>;
  readonly now: () => number;
  readonly trouble?: (what: string) => void;
}

const minute = 60_000;
/** Kinds that are told apart in one minute; all others are one line. Whoever has many addresses must not fill the disk either. */
const most = 20;

export function openRefusedSignIns({ events, now, trouble }: RefusedSignInsOptions): RefusedSignIns {
  let since = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let counted = new Map<string, { readonly kind: RefusedSignIn; times: number }>();
  let beyond = 0;
  let writing: Promise<void> = Promise.resolve();

  async function write(body: Readonly<Record<string, unknown>>): Promise<void> {
    try {
      await events.write({
        kind: 'access.refused',
        actor: 'unknown',
        body: { operation: 'sign-in', person: null, ...body },
      });
    } catch {
      trouble?.('a refused sign-in could not be written down');
    }
  }

  /** What came again since it was written. */
  function endMinute(): Promise<void> {
    clearTimeout(timer);
    const [again, others, from] = [[...counted.values()].filter(({ times }) => times > 0), beyond, since];
    counted = new Map();
    beyond = 0;
    since = -Infinity;
    writing = writing.then(async () => {
      for (const { kind, times } of again) await write({ ...kind, times, since: from });
      if (others > 0)
        await write({ method: 'unknown', address: 'several', why: 'not valid', times: others, since: from });
    });
    return writing;
  }

  return {
    async note({ method, address, why }) {
      if (now() - since >= minute) {
        void endMinute();
        since = now();
        timer = setTimeout(() => void endMinute(), minute);
        timer.unref();
      }
      const kind = { method, address: placeOf(address), why };
      const key = JSON.stringify(kind);
      const known = counted.get(key);
      if (known !== undefined) known.times += 1;
      else if (counted.size >= most) beyond += 1;
      else {
        counted.set(key, { kind, times: 0 });
        await write({ method, address, why, times: 1 });
      }
    },
    close: endMinute,
  };
}
