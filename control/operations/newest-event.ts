import type { CredentialId } from '../../domain/identifiers.ts';
import type { LedgerPorts } from './ports.ts';

/** Number of the newest event of a credential: what follows it happened after this moment, whatever the clocks say. */
export async function newestEvent({ ledger }: LedgerPorts, credential: CredentialId): Promise<number> {
  return (await ledger.history({ credential, limit: 1 })).at(-1)?.n ?? 0;
}
