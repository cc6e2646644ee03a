import { codeOf } from '../../domain/errors.ts';
import type { Ledger } from '../../ledger/ledger.ts';

/** Milliseconds. A consumer's lease is seldom shorter than three of these. */
const every = 10_000;

/** Tells the ledger, again and again, that consumers can reach us: what runs out while they cannot is not held against them. */
export function saySoEvery(
  ledger: Pick<Ledger, 'served'>,
  trouble: (code: string) => void,
): { readonly close: () => void } {
  let saying: Promise<void> | undefined;
  const say = (): void => {
    saying ??= ledger
      .served({ every })
      .catch((thrown: unknown) => trouble(codeOf(thrown)))
      .finally(() => (saying = undefined));
  };
  say();
  const timer = setInterval(say, every);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
