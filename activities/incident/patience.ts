import { KeybatonError } from '../../domain/errors.ts';

/** Milliseconds that one effect waits for the ledger. It is tried again for ever, by a workflow that never waits for it. */
export const patience = 5_000;

/** UNAVAILABLE when `asked` has not answered in time; whatever it does later is idempotent. */
export async function within<Result>(asked: Promise<Result>, milliseconds = patience): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new KeybatonError('UNAVAILABLE', 'the ledger does not answer')), milliseconds);
  // What answers after its time must not become an unhandled rejection.
  asked.catch(() => undefined);
  try {
    return await Promise.race([asked, promise]);
  } finally {
    clearTimeout(timer);
  }
}
