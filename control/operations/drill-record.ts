import { drillPlace, drillTierPlace, type DrillKept } from '../../domain/drill.ts';
import type { Tier } from '../../domain/entry.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import { closeIncident } from './incident-people.ts';
import { told } from './within.ts';

interface Ports {
  readonly ledger: Ledger;
  readonly emergency: EmergencyPorts;
}

export interface DrillRecord extends DrillKept {
  readonly target: string;
  readonly tier: Tier;
  readonly how: 'temporal' | 'direct';
  readonly containedAt: number | null;
  readonly deadAt: number | null;
  readonly actor: string;
}

/**
 * Evidence, in the chain: of the credential and of the incident; and what the next drill and `doctor` look for. A drill
 * that failed is an alarm, cured by the next one that passes. Never rejects: answers what the ledger did not take.
 */
export async function recordDrill({ ledger }: Ports, record: DrillRecord): Promise<readonly string[]> {
  const { credential, incident, version, at, measures, tier, actor, ...more } = record;
  const body = { ...measures, ...more, tier, at, version, incident };
  const kept: DrillKept = { at, credential, version, incident, measures };
  const trouble: string[] = [];
  const attempt = async (write: () => Promise<void>): Promise<void> => {
    await write().catch((thrown: unknown) => void trouble.push(`the result is not in the ledger: ${told(thrown)}`));
  };
  await attempt(() => ledger.note({ kind: 'drill.measured', credential, actor, body }));
  await attempt(() => ledger.incidentEvent({ incident, kind: 'drill.measured', actor, body }));
  await attempt(() => ledger.remember(drillPlace(credential), JSON.stringify(kept)));
  await attempt(() => ledger.remember(drillTierPlace(tier), JSON.stringify(kept)));
  const text = `its last drill failed: ${measures.because.join('; ')} (incident ${incident})`;
  await attempt(() =>
    measures.verdict === 'passed'
      ? ledger.cure({ credential, keyPrefix: 'drill/' })
      : ledger.alarm({ credential, key: 'drill/failed', text, page: false }),
  );
  return [...new Set(trouble)];
}

/** It has nothing to wait for once its key is dead: what consumers have was never in it. Never rejects. */
export async function closeDrill(
  { ledger, emergency }: Ports,
  { incident, actor, how }: Pick<DrillRecord, 'incident' | 'actor' | 'how'>,
): Promise<readonly string[]> {
  const why = 'the drill is over';
  try {
    if (how === 'direct') await ledger.closeIncident({ incident, who: actor, why });
    else if ((await ledger.incident(incident)).closedAt === undefined)
      await closeIncident(emergency, { incident, why, actor });
    return [];
  } catch (thrown) {
    return [`its incident stays open (keybaton incident close ${incident}): ${told(thrown)}`];
  }
}
