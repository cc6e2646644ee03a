import type { Told as ToldByDemo } from '../demo/events.ts';
import type { IncidentSeen, RotationSeen } from './verdict.ts';

/** One event, as `keybaton watch --json` tells it. */
export interface Told extends ToldByDemo {
  readonly incident: string | null;
}

/** What the ledger's events say of rotations and incidents, kept small: a storm may last for hours. */
export interface StormRecord {
  hear(event: Told): void;
  rotations(): readonly RotationSeen[];
  incidents(): readonly IncidentSeen[];
  /** Which version is current, by the newest decided epoch. */
  currentOf(credential: string): string | undefined;
  credentialOf(version: string): string | undefined;
  /** Versions that were current once and that nobody has proved dead or called compromised. */
  earlierOf(credential: string): readonly string[];
  /** Rotations under way now. */
  open(): readonly string[];
  ended(): number;
  readonly counts: ReadonlyMap<string, number>;
}

interface Run {
  readonly credential: string;
  readonly run: string;
  outcome: string | undefined;
  helped: boolean;
}

export function stormRecord(): StormRecord {
  const runs = new Map<string, Run>();
  const openRun = new Map<string, Run>();
  const incidents = new Map<string, { credentials: Set<string>; from: number; closedAt: number | undefined }>();
  const current = new Map<string, string>();
  const owner = new Map<string, string>();
  const earlier = new Map<string, Set<string>>();
  const counts = new Map<string, number>();
  let ended = 0;

  const forget = (version: string | null): void => {
    for (const known of earlier.values()) known.delete(version ?? '');
  };

  return {
    hear(event) {
      const { kind, credential, version, at, body } = event;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      if (credential !== null && version !== null) owner.set(version, credential);
      if (credential !== null && kind === 'rotation.started') {
        const run: Run = { credential, run: String(body['run']), outcome: undefined, helped: false };
        runs.set(`${credential} ${run.run}`, run);
        openRun.set(credential, run);
      }
      if (credential !== null && kind === 'rotation.ended') {
        ended += 1;
        const run = runs.get(`${credential} ${String(body['run'])}`);
        if (run !== undefined) run.outcome = String(body['outcome']);
        openRun.delete(credential);
      }
      if (credential !== null && kind === 'promotion.decided') {
        const was = current.get(credential);
        const known = earlier.get(credential) ?? new Set<string>();
        if (was !== undefined) known.add(was);
        known.delete(String(body['version']));
        earlier.set(credential, known);
        current.set(credential, String(body['version']));
      }
      if (kind === 'version.dead' || kind === 'version.compromised' || kind === 'revoke.authorised') forget(version);
      const release = kind === 'request.made' && body['kind'] === 'release';
      if (credential !== null && (release || kind === 'demand.waived')) {
        const run = openRun.get(credential);
        if (run !== undefined) run.helped = true;
      }
      hearIncident(event, at);
    },
    rotations: () => [...runs.values()],
    incidents: () =>
      [...incidents].map(([incident, { credentials, from, closedAt }]) => ({
        incident,
        credentials: [...credentials],
        from,
        closedAt,
      })),
    currentOf: (credential) => current.get(credential),
    credentialOf: (version) => owner.get(version),
    earlierOf: (credential) => [...(earlier.get(credential) ?? [])],
    open: () => [...openRun.keys()],
    ended: () => ended,
    counts,
  };

  function hearIncident({ kind, credential, incident }: Told, at: number): void {
    if (incident === null) return;
    const known = incidents.get(incident) ?? { credentials: new Set<string>(), from: at, closedAt: undefined };
    incidents.set(incident, known);
    if (credential !== null) known.credentials.add(credential);
    if (kind === 'incident.closed') known.closedAt = at;
  }
}
