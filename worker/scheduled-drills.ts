import type { Client } from '@temporalio/client';
import type { ActivityPorts } from '../activities/ports.ts';
import type { DrillActivities } from '../activities/scheduled-drill.ts';
import type { EmergencyPorts } from '../control/incident-ports.ts';
import { drillsDue } from '../control/operations/drill-choice.ts';
import { drill } from '../control/operations/drill.ts';
import { isKeybatonError } from '../domain/errors.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import { asTargets } from '../inventory/targets.ts';
import { startDrill } from './drills-by-workers.ts';
import { openDrills } from './drills.ts';
import { openIncidentPorts } from './open-incident-ports.ts';
import { readSettings } from './settings.ts';

export interface ScheduledDrillsInput {
  readonly ports: ActivityPorts;
  readonly client: Client;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface ScheduledDrills {
  readonly activities: DrillActivities;
  /** Starts what is due at targets that say `drills: scheduled`; answers what was started. */
  start(): Promise<readonly CredentialId[]>;
  close(): Promise<void>;
}

/** Drills without a person: the same operation, run by a worker that a workflow asks for it. */
export function openScheduledDrills(input: ScheduledDrillsInput, signal: () => AbortSignal): ScheduledDrills {
  const { ports, client, environment } = input;
  const { ledger } = ports;
  let opened: Promise<EmergencyPorts> | undefined;
  const drills = openDrills({ ports, environment, config: readSettings(environment).config });
  return {
    activities: {
      async runDrill({ credential, actor = 'sweep' }) {
        const emergency = await (opened ??= openIncidentPorts(environment));
        try {
          const of = { credential };
          const { incident, measures } = await drill({ ledger, drills, emergency }, { of, actor, signal: signal() });
          return { kind: 'drilled', incident, verdict: measures.verdict };
        } catch (thrown) {
          if (!isKeybatonError(thrown)) throw thrown;
          return { kind: 'refused', code: thrown.code, why: thrown.message };
        }
      },
    },

    async start() {
      const { targets } = asTargets(await ledger.appliedTargets());
      const scheduled = Object.keys(targets).filter((name) => targets[name]?.drills === 'scheduled');
      if (scheduled.length === 0 || !(await ledger.trusted())) return [];
      const started: CredentialId[] = [];
      for (const credential of await drillsDue(ledger, new Set(scheduled)))
        if (await startDrill(client, { credential })) started.push(credential);
      return started;
    },

    close: async () => {
      await opened?.then((one) => one.close()).catch(() => undefined);
    },
  };
}
