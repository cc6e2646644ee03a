import { codeOf, KeybatonError } from '../domain/errors.ts';
import type { Ledger } from '../ledger/ledger.ts';

/**
 * The ledger, or, where it cannot be reached now, one that opens at the first question which finds it up; until then each is
 * refused with UNAVAILABLE. For a process that people must reach while the ledger is down. Rejects with every other code.
 */
export async function openNowOrLater(open: () => Promise<Ledger>, trouble: (thrown: unknown) => void): Promise<Ledger> {
  try {
    return await open();
  } catch (thrown) {
    if (codeOf(thrown) !== 'UNAVAILABLE') throw thrown;
    trouble(thrown);
    return openedLater(open);
  }
}

function openedLater(open: () => Promise<Ledger>): Ledger {
  let opened: Promise<Ledger> | undefined;
  let closed = false;
  const whenUp = (): Promise<Ledger> => {
    if (closed) return Promise.reject(new KeybatonError('UNAVAILABLE', 'the ledger is closed'));
    opened ??= open().catch((thrown: unknown) => {
      opened = undefined;
      throw thrown;
    });
    return opened;
  };
  const close = async (): Promise<void> => {
    closed = true;
    // One that never opened has nothing to close.
    const ledger = await opened?.catch(() => undefined);
    await ledger?.close();
  };
  // Every question to a ledger is a function that answers a promise, so that each can wait for the opening.
  return new Proxy({} as Ledger, {
    get(_none, name) {
      if (name === 'close') return close;
      // Otherwise whoever awaits the ledger itself would take it for a promise.
      if (typeof name === 'symbol' || name === 'then') return undefined;
      return async (...asked: unknown[]): Promise<unknown> => {
        const ledger = await whenUp();
        // The caller named it by the type of a ledger, whose members are functions.
        return Reflect.apply(Reflect.get(ledger, name) as (...asked: unknown[]) => unknown, ledger, asked);
      };
    },
  });
}
