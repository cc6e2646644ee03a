import type { CredentialId } from '../../domain/identifiers.ts';
import type { LedgerEvent } from '../../ledger/ledger.ts';
import type { LedgerPorts } from './ports.ts';

export interface HistoryInput {
  readonly credential?: CredentialId;
  /** Only events after this number, oldest first; undefined: the newest. */
  readonly afterN?: number;
  readonly limit: number;
}

/** Who did what, and when: events of the ledger, newest last. */
export async function history({ ledger }: LedgerPorts, input: HistoryInput): Promise<readonly LedgerEvent[]> {
  return ledger.history(input);
}
