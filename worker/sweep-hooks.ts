import { join } from 'node:path';
import type { SweepHooks, VanishedKey } from '../activities/sweep/ports.ts';
import type { EmergencyPorts } from '../control/incident-ports.ts';
import { declareEmergency } from '../control/operations/emergency.ts';
import { writeByHandBundle } from '../control/operations/kill-by-hand.ts';
import { freezable, frozenFrom } from '../domain/freeze.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { containmentPorts, type ContainmentInput } from './containment-ports.ts';
import { endIncidents } from './end-incidents.ts';
import { incidentHooks } from './incident-hooks.ts';
import { noticeHook } from './notice-hook.ts';
import { openIncidentPorts } from './open-incident-ports.ts';

export interface SweepHooksInput extends Omit<ContainmentInput, 'ledger'> {
  readonly ledger: Ledger;
  /** keybaton's own folder. */
  readonly home: string;
}

/** The file in keybaton's own folder that says, anew each day, how every key is killed without keybaton. */
export const bundleFile = 'kill-by-hand.md';

/** What is done with every sweep beside starting rotations. */
export async function openSweepHooks(
  input: SweepHooksInput,
): Promise<{ readonly hooks: SweepHooks; close(): Promise<void> }> {
  const ports = await openIncidentPorts(input.environment);
  const ledger = async (): Promise<Ledger> => input.ledger;
  const bindings = containmentPorts({ ...input, ledger });
  const { places } = bindings;
  const now = (): number => ports.now();
  const random = (bytes: number): Uint8Array => ports.random(bytes);
  const followUps = incidentHooks({ ledger, places, bindings, home: input.home, now, random });
  return {
    hooks: {
      importJournals: () => ports.direct.importJournals(),
      endIncidents: () =>
        endIncidents({
          ledger: input.ledger,
          incidents: ports.incidents,
          hooks: followUps,
          now,
          signal: AbortSignal.timeout(15_000),
        }),
      deliverNotices: noticeHook(input),
      writeByHandBundle: () => writeByHandBundle(ports, { file: join(input.home, bundleFile) }),
      declareVanished: (vanished) => declareVanished(ports, input.ledger, vanished),
    },
    close: () => ports.close(),
  };
}

/**
 * A key of ours that is gone, and nobody here took it away, is a revocation that nobody planned: its consumers fail now.
 * The incident replaces it. Declared once: while one names the version, it is no news.
 */
async function declareVanished(ports: EmergencyPorts, ledger: Ledger, vanished: VanishedKey): Promise<void> {
  const { credential, version, target, how } = vanished;
  if ((await ledger.openIncidentsOf(version)).length > 0) return;
  const facts = await ledger.facts(credential);
  const at = ports.now();
  await declareEmergency(ports, {
    resolved: {
      at,
      scope: `credential ${credential}, whose key vanished`,
      source: 'ledger',
      troubles: [],
      versions: frozenFrom(freezable(facts), [version], at),
      candidates: [],
      others: [],
      deadAlready: [],
    },
    who: 'sweep',
    why: `unplanned revocation: its key at ${target} is ${how}, and keybaton did not do it`,
    direct: false,
    count: undefined,
    signal: AbortSignal.timeout(15_000),
  });
}
