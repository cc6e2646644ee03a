import { setTimeout as after } from 'node:timers/promises';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { LedgerEvent } from '../../ledger/ledger.ts';
import type { LedgerPorts } from './ports.ts';
import { eventsAfter } from './run-events.ts';

export interface WatchInput {
  readonly credential?: CredentialId;
  /** Begin after this event; undefined: only what comes from now on. */
  readonly afterN?: number;
  readonly signal: AbortSignal;
  /** Milliseconds between questions. */
  readonly every: number;
}

/** Every event as it is written, in order, none twice and none left out, until the signal aborts. */
export async function* watch(
  { ledger }: { readonly ledger: Pick<LedgerPorts['ledger'], 'history'> },
  input: WatchInput,
): AsyncGenerator<LedgerEvent> {
  const { credential, signal, every } = input;
  const scope = credential === undefined ? {} : { credential };
  let afterN = input.afterN ?? (await ledger.history({ ...scope, limit: 1 })).at(-1)?.n ?? 0;
  while (!signal.aborted) {
    for (const event of await eventsAfter(ledger, credential, afterN)) {
      afterN = event.n;
      yield event;
    }
    // Aborting is how watching ends.
    await after(every, undefined, { signal }).catch(() => undefined);
  }
}
