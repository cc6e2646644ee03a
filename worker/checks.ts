import { hostname } from 'node:os';
import { checkDemands, type AdminHome, type DemandedTarget } from '../activities/check-demands.ts';
import { checkDoctor, clockFinding } from '../activities/check-doctor.ts';
import { checked, within, type CheckFinding } from '../activities/check-finding.ts';
import { checkPlan } from '../activities/check-plan.ts';
import type { ActivityPorts } from '../activities/ports.ts';
import type { Reviews } from '../control/access/reviews.ts';
import { packageVersion } from '../control/cli/version.ts';
import type { Checks, Rotations } from '../control/ports.ts';
import type { ScheduleStanding } from '../control/sweep-ports.ts';
import { formatDuration } from '../domain/duration.ts';
import { isKeybatonError, KeybatonError } from '../domain/errors.ts';
import { parseAdminReference } from '../inventory/admin-reference.ts';
import { asTargets, type Target, type Targets } from '../inventory/targets.ts';
import type { Adapters } from './activity-ports.ts';
import { bindProvider } from './bind-provider.ts';
import { breakGlassFindings } from './break-glass-finding.ts';
import { askConsumerEndpoint } from './consumer-endpoint.ts';
import { drillFindings } from './drill-finding.ts';
import { killSheetFinding } from './kill-sheet-finding.ts';
import type { Poller } from './pollers.ts';
import { keepsReadings } from './readings.ts';
import { scheduleFinding } from './schedule-finding.ts';
import { workersFindings } from './workers-finding.ts';

export interface ChecksInput {
  readonly ports: ActivityPorts;
  readonly adapters: Adapters;
  readonly rotations: Pick<Rotations, 'ping'>;
  /** Who polls the queues that workers serve. */
  readonly pollers: () => Promise<readonly Poller[]>;
  /** How the Schedule of the sweeps stands. */
  readonly schedule?: () => Promise<ScheduleStanding>;
  /** Path of the kill sheet of this machine. */
  readonly killSheet: string;
  /** Of this machine; where another serves people, its own doctor warns of them. */
  readonly reviews?: Pick<Reviews, 'list'>;
  /** Temporal's clock, where somebody can read it: epoch milliseconds. */
  readonly temporalClock?: () => Promise<number>;
  /** The name of this machine. */
  readonly host?: string;
  /** Longest time for one check, in milliseconds. */
  readonly limit?: number;
}

/** What `plan`, `doctor` and `apply` ask of the world: in this process, with what it has. */
export function openChecks({
  ports,
  adapters,
  rotations,
  pollers,
  schedule,
  killSheet,
  reviews,
  temporalClock,
  host = hostname(),
  limit = 15_000,
}: ChecksInput): Checks {
  const never = (): AbortSignal => new AbortController().signal;

  async function look(at: 'everything' | 'this host'): Promise<readonly CheckFinding[]> {
    const signal = never();
    // Without the inventory nothing applied can be asked for; its trouble is a finding, and the rest is still checked.
    const inventory = await within(limit, signal, () => ports.ledger.inventory()).catch(() => undefined);
    const entries = inventory?.entries ?? [];
    const applied = asTargets(at === 'everything' ? inventory?.targets : undefined);
    const [targets, backends] = [Object.keys(applied.targets), Object.keys(applied.backends)];
    const found = await Promise.all([
      checked('temporal', limit, signal, () => temporalFinding(rotations)),
      checked('workers', limit, signal, async () => workersFindings(await pollers(), packageVersion())),
      temporalClock === undefined
        ? [noTemporalClock]
        : checked('clock of temporal', limit, signal, () => clockFinding(ports, 'temporal', temporalClock)),
      checkDoctor(ports, { entries, targets, backends, limit }, signal),
      schedule === undefined
        ? []
        : checked('schedule', limit, signal, async () => scheduleFinding(await schedule(), Date.now())),
      checked('drills', limit, signal, () => drillFindings(ports, entries)),
      checked('kill sheet', limit, signal, () => killSheetFinding(ports, killSheet)),
      reviews === undefined ? [] : checked('break-glass', limit, signal, () => breakGlassFindings(reviews, Date.now())),
    ]);
    return found.flat();
  }

  return {
    plan: (credential) => checkPlan(ports, credential, never(), limit),
    endpoint: (credential, consumer) => askConsumerEndpoint(ports.ledger, credential, consumer, limit),

    doctor: () => look('everything'),

    async doctorHere() {
      return [hostFinding(host), ...(await look('this host')), unaskedFinding(host)];
    },

    async writeOnly() {
      const applied = asTargets(await ports.ledger.appliedTargets());
      return new Set(Object.keys(applied.backends).filter((name) => readable(name, applied, adapters) === false));
    },

    async demands(entries, targets) {
      const known = asTargets(targets);
      const inventory = await ports.ledger.inventory();
      const ids = new Set(entries.map(({ id }) => id));
      const teams = new Set(entries.map(({ team }) => team));
      return checkDemands({
        entries,
        // What this team has and does not say any more is being retired: it needs no room.
        others: inventory.entries.filter(({ id, team }) => !ids.has(id) && !teams.has(team)),
        targets: new Map(
          Object.entries(known.targets).map(([name, target]) => [name, demandedOf(name, target, adapters)]),
        ),
        readable: (backend) => readable(backend, known, adapters),
        keepsReadings: (backend) => {
          const place = known.backends[backend];
          return place !== undefined && keepsReadings(place);
        },
      });
    },
  };
}

/** Who asks from elsewhere must not take one machine's files for another's. */
const hostFinding = (host: string): CheckFinding => ({
  subject: 'host',
  verdict: 'ok',
  text: `this is said by the API on ${host}: its clock, its installation key, its kill sheet, and broken glass as the folder of this host has it`,
});

const unaskedFinding = (host: string): CheckFinding => ({
  subject: 'targets and backends',
  verdict: 'cannot tell',
  text: `the API on ${host} holds no credential to ask them with`,
  remedy: 'on the host of a worker type: keybaton doctor',
});

async function temporalFinding(rotations: Pick<Rotations, 'ping'>): Promise<CheckFinding> {
  return { subject: 'temporal', verdict: 'ok', text: `answers in ${formatDuration(await rotations.ping())}` };
}

const noTemporalClock: CheckFinding = {
  subject: 'clock of temporal',
  verdict: 'cannot tell',
  text: 'Temporal shows its clock to no client',
  remedy: 'keep its hosts on NTP',
};

/** Settings and traits need neither network nor admin credential: a target can be asked before it is applied. */
function demandedOf(name: string, target: Target, adapters: Adapters): DemandedTarget | { readonly trouble: string } {
  const factory = adapters.providers[target.provider];
  if (factory === undefined)
    return { trouble: `target ${name} names provider ${target.provider}, which is not known here` };
  try {
    const { traits, material, issue } = bindProvider(factory(), {
      name,
      environment: target.environment,
      installation: 'unapplied',
      settings: target.settings,
      admin: nobody,
    });
    return {
      traits,
      material,
      supplied: issue === undefined,
      expiry: traits.expiry ? target.expiry : undefined,
      probes: Object.keys(target.probes),
      admins: [adminHome(target.admin), ...(target.secondAdmin === undefined ? [] : [adminHome(target.secondAdmin)])],
    };
  } catch (thrown) {
    return { trouble: isKeybatonError(thrown) ? thrown.message : `the adapter of target ${name} does not start` };
  }
}

function adminHome(reference: string | undefined): AdminHome {
  const parsed = reference === undefined ? undefined : parseAdminReference(reference);
  if (parsed?.kind === 'vault') return { kind: 'backend', backend: parsed.backend };
  if (parsed?.kind === 'credential') return { kind: 'credential', id: parsed.id };
  return { kind: 'outside' };
}

/** Undefined where a backend cannot be opened: `apply` tells why. */
function readable(name: string, { backends }: Targets, adapters: Adapters): boolean | undefined {
  const place = backends[name];
  const factory = place === undefined ? undefined : adapters.backends[place.kind];
  if (place === undefined || factory === undefined) return undefined;
  try {
    return factory.open(place.settings, {
      name,
      admin: nobody,
      key: () => new Uint8Array(32),
    }).readable;
  } catch {
    return undefined;
  }
}

/** What only looks at settings reads no admin credential. */
function nobody(): Promise<never> {
  return Promise.reject(new KeybatonError('INVALID_CONFIG', 'this check reads no admin credential'));
}
