import { KeybatonError } from '../../domain/errors.ts';
import type { RequestFacts } from '../../domain/facts.ts';
import type { LedgerPorts } from './ports.ts';

/**
 * Takes requests back under a person's name; answers their ids. `expected`: those that the person knows of. CONFLICT, with
 * none taken back, when another stands: somebody has asked for it since, for a reason that this person has not read.
 */
export async function withdrawAll(
  { ledger }: LedgerPorts,
  requests: readonly RequestFacts[],
  { actor, why, expected }: { readonly actor: string; readonly why: string; readonly expected?: readonly string[] },
): Promise<readonly string[]> {
  const unseen = expected && requests.find(({ id }) => !expected.includes(id));
  if (unseen !== undefined)
    throw new KeybatonError(
      'CONFLICT',
      `${unseen.who} has asked for a ${unseen.kind} since you looked (${unseen.id}: ${unseen.why}): look again, then say which you end`,
    );
  for (const { id } of requests) await ledger.withdrawRequest({ id, who: actor, why });
  return requests.map(({ id }) => id);
}
