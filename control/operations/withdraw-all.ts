import type { RequestFacts } from '../../domain/facts.ts';
import type { LedgerPorts } from './ports.ts';

/** Takes requests back under a person's name; answers their ids. */
export async function withdrawAll(
  { ledger }: LedgerPorts,
  requests: readonly RequestFacts[],
  { actor, why }: { readonly actor: string; readonly why: string },
): Promise<readonly string[]> {
  for (const { id } of requests) await ledger.withdrawRequest({ id, who: actor, why });
  return requests.map(({ id }) => id);
}
