import { randomBytes } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { bringOut } from '../activities/bring-out.ts';
import { createIncidentActivities, type IncidentActivities } from '../activities/containment/activities.ts';
import { createIncidentEffects, type IncidentEffects } from '../activities/incident/activities.ts';
import type { RateLimit } from '../domain/incident.ts';
import { asTargets } from '../inventory/targets.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Adapters } from './bindings.ts';
import { openChannels } from './channels.ts';
import { openClusters } from './clusters.ts';
import { containmentPorts } from './containment-ports.ts';
import { incidentHooks } from './incident-hooks.ts';
import { incidentPartRuns } from './incident-part-runs.ts';
import { escalatedRotations } from './incidents.ts';
import type { InstallationKey } from './installation-key.ts';

export interface IncidentActivitiesInput {
  readonly ledger: Ledger;
  readonly key: InstallationKey;
  readonly adapters: Adapters;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly killSheet: string;
  readonly client: Client;
}

/** Binds what incidents do to this process. Killing finds its targets past the ledger where that does not answer. */
export function incidentActivities(
  input: IncidentActivitiesInput,
  signal: () => AbortSignal,
): {
  readonly activities: IncidentActivities & IncidentEffects;
  /** Rate limits of targets as applied now. Throws when the ledger does not answer. */
  readonly rates: () => Promise<Readonly<Record<string, RateLimit>>>;
} {
  const ledger = async (): Promise<Ledger> => input.ledger;
  const ports = containmentPorts({ ...input, ledger });
  const now = (): number => Date.now();
  const hooks = incidentHooks({
    ledger,
    places: ports.places,
    bindings: ports,
    home: input.home,
    now,
    random: (bytes) => randomBytes(bytes),
  });
  const channels = async () => openChannels(await ports.places.channels(), ports.secret);
  const clusters = openClusters(async () => asTargets(await input.ledger.appliedTargets()), ports.secret);
  const effects = createIncidentEffects(
    {
      ledger,
      rotations: escalatedRotations(input.client),
      parts: incidentPartRuns(input.client),
      notify: { channels, now },
      hooks,
      bringOut: (facts, stop) => bringOut({ ledger: input.ledger, clusters, now }, facts, stop),
      now,
    },
    signal,
  );
  return {
    activities: { ...createIncidentActivities(ports, signal), ...effects },
    rates: async () => {
      const { targets } = asTargets(await input.ledger.appliedTargets());
      return Object.fromEntries(
        Object.entries(targets).flatMap(([name, { rateLimit }]) =>
          rateLimit === undefined ? [] : [[name, rateLimit]],
        ),
      );
    },
  };
}
