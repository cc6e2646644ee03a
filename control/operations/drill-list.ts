import { drillDue, drillPlace } from '../../domain/drill.ts';
import type { DrillKept } from '../../domain/drill.ts';
import type { Entry, Tier } from '../../domain/entry.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { LedgerPorts } from './ports.ts';

export interface DrilledCredential {
  readonly credential: CredentialId;
  readonly tier: Tier;
  /** Its last drill as it was measured; `null`: there was none. */
  readonly last: DrillKept | null;
  readonly due: boolean;
}

/** The last drill of each credential that was ever drilled, newest first. */
export async function listDrills(
  { ledger }: LedgerPorts,
  { sees }: { readonly sees: (entry: Entry) => boolean },
): Promise<{ readonly now: number; readonly drills: readonly DrilledCredential[]; readonly never: number }> {
  const now = await ledger.clock();
  const { entries } = await ledger.inventory();
  const seen = entries.filter(sees);
  const drills: (DrilledCredential & { readonly last: DrillKept })[] = [];
  for (const { id, tier } of seen) {
    const text = await ledger.remembered(drillPlace(id));
    if (text === undefined) continue;
    // Only `recordDrill` writes this place.
    const last = JSON.parse(text) as DrillKept;
    drills.push({ credential: id, tier, last, due: drillDue(tier, last.at, now) });
  }
  return {
    now,
    drills: drills.toSorted((one, other) => other.last.at - one.last.at),
    never: seen.length - drills.length,
  };
}
