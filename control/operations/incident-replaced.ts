import type { IncidentFacts, IncidentKey, Ledger } from '../../ledger/ledger.ts';
import { ledgerPatience } from './emergency-known.ts';
import { reportedCredential } from './incident-report-credential.ts';
import { within } from './within.ts';

/** Keys whose credential has a replacement, and those whose consumers have shown it. */
export interface Replaced {
  readonly replaced: number;
  readonly confirmed: number;
}

/** More keys than this are not looked up one credential after another while somebody waits for the answer. */
const most = 200;

/**
 * Of an incident that no run works on: as its run counted them at its end; of one that never had a run (a direct kill)
 * as the ledger has them now. Undefined when there are too many to look up.
 */
export async function replacedOf(
  ledger: Pick<Ledger, 'incidentKeys' | 'facts' | 'evidence' | 'openAlarms'>,
  { incident, keys, events }: IncidentFacts,
): Promise<Replaced | undefined> {
  const body = events.find(({ kind }) => kind === 'ended')?.body ?? {};
  const { replaced, confirmed } = body;
  if (typeof replaced === 'number' && typeof confirmed === 'number') return { replaced, confirmed };
  return keys > most ? undefined : within('the ledger', ledgerPatience, lookUp(ledger, incident));
}

async function lookUp(
  ledger: Pick<Ledger, 'incidentKeys' | 'facts' | 'evidence' | 'openAlarms'>,
  incident: string,
): Promise<Replaced> {
  const keys: readonly IncidentKey[] = await ledger.incidentKeys({ incident, limit: most });
  let [replaced, confirmed] = [0, 0];
  for (const [credential, own] of Map.groupBy(keys, (key) => key.credential)) {
    const { replacedBy, missing } = (await reportedCredential(ledger, credential, own)).credential;
    if (replacedBy !== undefined) replaced += own.length;
    if (replacedBy !== undefined && missing.length === 0) confirmed += own.length;
  }
  return { replaced, confirmed };
}
