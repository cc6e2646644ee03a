import type { CredentialFacts } from '../../domain/facts.ts';
import type { LedgerPorts } from './ports.ts';

/** Open incidents that name a version of this credential. */
export async function openIncidents(
  { ledger }: LedgerPorts,
  { versions }: Pick<CredentialFacts, 'versions'>,
): Promise<readonly string[]> {
  const named = versions.filter(({ compromised }) => compromised);
  const incidents = await Promise.all(named.map(({ id }) => ledger.openIncidentsOf(id)));
  return [...new Set(incidents.flat())].toSorted();
}
