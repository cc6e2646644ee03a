import { setTimeout as after } from 'node:timers/promises';
import { createActivities } from '../../activities/activities.ts';
import { createIncidentActivities } from '../../activities/containment/activities.ts';
import { createIncidentEffects } from '../../activities/incident/activities.ts';
import type { ActivityPorts } from '../../activities/ports.ts';
import type { Incidents } from '../../control/incident-ports.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { VersionFacts } from '../../domain/facts.ts';
import { incidentWorkflowId, type VersionId } from '../../domain/identifiers.ts';
import type {
  Declaration,
  FrozenVersion,
  IncidentPace,
  IncidentPart,
  IncidentProgress,
  RateLimit,
} from '../../domain/incident.ts';
import type { Channel, Notice } from '../../domain/notice.ts';
import { activitySignal } from '../../worker/interceptors.ts';
import { incidentPartRuns } from '../../worker/incident-part-runs.ts';
import { escalatedRotations, openIncidents } from '../../worker/incidents.ts';
import { openStage, quick, type Play, type Stage } from './rotation-world.ts';

/** Small, so that a wait costs a test milliseconds; the clock is long enough that nothing is late by itself. */
export const quickIncident: IncidentPace = { retryFrom: 30, retryTo: 300, outcomeEvery: 100, clock: 120_000 };

export interface EmergencyStage extends Stage {
  readonly incidents: Incidents;
  /** What each thing that an incident must do without is doing now. */
  readonly down: Down;
  /** What people were told, in order. */
  readonly told: readonly Notice[];
  readonly reports: readonly IncidentProgress[];
  readonly scoped: readonly string[];
  /** The versions of a play as they are frozen at the declaration: the current one when none is named. */
  freeze(
    play: Play,
    changes?: Partial<FrozenVersion>,
    versions?: readonly VersionId[],
  ): Promise<readonly FrozenVersion[]>;
  declare(
    versions: readonly FrozenVersion[],
    changes?: Partial<Declaration> & { readonly partSize?: number },
  ): Promise<Declaration>;
  /** Undefined until it runs; also after it ended. */
  progress(incident: string): Promise<IncidentProgress | undefined>;
  /** Waits for the incident to close. */
  closed(incident: string): Promise<IncidentProgress>;
}

export interface Down {
  /** Of rotations and incidents alike. */
  ledger: 'no' | 'throws' | 'hangs';
  channel: boolean;
  /** Reading trails. */
  scope: boolean;
  /** Credentials of which the ledger takes no request. */
  readonly refused: Set<string>;
}

/** As `openStage`, with everything that incidents need. Killing reads targets past the ledger, as from a kill sheet. */
export async function openEmergencyStage(rates: Readonly<Record<string, RateLimit>> = {}): Promise<EmergencyStage> {
  const down: Down = { ledger: 'no', channel: false, scope: false, refused: new Set() };
  const told: Notice[] = [];
  const reports: IncidentProgress[] = [];
  const scoped: string[] = [];
  let declared = 0;
  const channel: Channel = {
    name: 'people',
    dropsRepeats: true,
    tells: () => true,
    send: async (notice) => {
      if (down.channel) throw new KeybatonError('UNAVAILABLE', 'the channel is down');
      if (!told.some((one) => one.key === notice.key)) told.push(notice);
      return { memory: notice.about };
    },
  };
  const stage = await openStage({
    activities: (ports, client) => {
      const scripted = { ...ports, ledger: scriptedLedger(ports, down) };
      return {
        // A stage's providers live in this process: a thief in another could not reach them.
        runDrill: async () => ({ kind: 'refused', code: 'UNSUPPORTED', why: 'nothing is drilled on a stage' }),
        ...createActivities(scripted, activitySignal),
        ...createIncidentActivities(
          { ...ports, fingerprint: (provider, material) => ports.keys.fingerprint(provider, material) },
          activitySignal,
        ),
        ...createIncidentEffects(
          {
            ledger: async () => scripted.ledger,
            rotations: escalatedRotations(client, quick),
            parts: incidentPartRuns(client),
            notify: { channels: async () => [channel], now: () => Date.now() },
            hooks: {
              scope: async ({ incident }) => {
                if (down.scope) throw new KeybatonError('UNAVAILABLE', 'the trail cannot be read now');
                scoped.push(incident);
                return undefined;
              },
              report: async (progress) => {
                reports.push(progress);
              },
            },
            now: () => Date.now(),
          },
          activitySignal,
        ),
      };
    },
  });
  const incidents = openIncidents({
    temporal: async () => ({ client: stage.client, close: async () => undefined }),
    address: stage.address,
    rates: async () => rates,
  });

  return {
    ...stage,
    incidents,
    down,
    told,
    reports,
    scoped,
    freeze: async (play, changes = {}, versions) => {
      const facts = await play.facts();
      const named = versions ?? [(await play.current()).id];
      return named.map((id) => {
        const version = facts.versions.find((one) => one.id === id);
        if (version === undefined) throw new Error('there is no such version');
        return { ...frozenOf(play, version), places: facts.entry.backends, ...changes };
      });
    },
    declare: async (versions, { partSize = 250, ...changes } = {}) => {
      declared += 1;
      const incident = changes.incident ?? `incident-${declared}`;
      const parts: IncidentPart[] = [];
      for (let at = 0; at < versions.length; at += partSize)
        parts.push({ incident, part: parts.length, versions: versions.slice(at, at + partSize) });
      const declaration: Declaration = {
        incident,
        declaredAt: Date.now(),
        who: 'test',
        why: 'test',
        scope: 'a leaked value',
        drill: false,
        parts: parts.length,
        pace: quickIncident,
        ...changes,
      };
      await incidents.declare(declaration, parts);
      return declaration;
    },
    progress: (incident) => incidents.progress(incident),
    closed: (incident) =>
      // What the workflow returns.
      stage.client.workflow.getHandle(incidentWorkflowId(incident)).result() as Promise<IncidentProgress>,
  };
}

function frozenOf(play: Play, version: VersionFacts): Omit<FrozenVersion, 'places'> {
  return {
    credential: play.id,
    version: version.id,
    target: version.target,
    refs: version.refs.filter(({ gone }) => !gone).map(({ ref }) => ref),
    lateUntil: 0,
    fingerprint: version.fingerprint,
    onlyByHand: version.onlyByHand,
    policy: 'revoke-first',
    killAt: Date.now(),
  };
}

/** The real ledger, for as long as it is not said to be down. */
function scriptedLedger({ ledger }: ActivityPorts, down: Down): ActivityPorts['ledger'] {
  return new Proxy(ledger, {
    get(target, property) {
      const found: unknown = Reflect.get(target, property);
      if (typeof found !== 'function') return found;
      return async (...given: unknown[]): Promise<unknown> => {
        if (down.ledger === 'throws') throw new KeybatonError('UNAVAILABLE', 'the ledger is down');
        // Whoever waits gets its answer late: a worker that is stopped must not wait for ever.
        while (down.ledger === 'hangs') await after(50);
        const [asked] = given;
        if (property === 'request' && [...down.refused].some((one) => JSON.stringify(asked).includes(`"${one}"`)))
          throw new KeybatonError('CONFLICT', 'no request is possible');
        return Reflect.apply(found, target, given) as unknown;
      };
    },
  });
}
