import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { backendRegistry } from '../backends/registry.ts';
import { openAccessLog } from '../control/access/access-log.ts';
import { openConsumerTokens, type ConsumerTokens } from '../control/access/consumer-tokens.ts';
import { startHttpApi } from '../control/http-api/start.ts';
import type { Drills, DrillsByWorkers } from '../control/drill-ports.ts';
import type { ControlPorts } from '../control/ports.ts';
import type { Sweeping } from '../control/sweep-ports.ts';
import type { VaultKeys } from '../control/vault-ports.ts';
import { proofMatches } from '../evidence/possession.ts';
import { codeOf, KeybatonError } from '../domain/errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Adapters as InventoryAdapters } from '../inventory/adapters.ts';
import { openLedger } from '../ledger/open.ts';
import { providers } from '../providers/registry.ts';
import { activityPorts, type Adapters } from './activity-ports.ts';
import { openDrillsByWorkers } from './drills-by-workers.ts';
import { openDrills } from './drills.ts';
import { openChecks } from './checks.ts';
import { embeddedVaultOf } from './embedded-vault.ts';
import { inventoryAdapters } from './inventory-adapters.ts';
import { readInstallationKey, type InstallationKey } from './installation-key.ts';
import { openNowOrLater } from './late-ledger.ts';
import { loadConfig } from './load-config.ts';
import { installRuntime, openLog } from './log.ts';
import { payloadCodec } from './payload-codec.ts';
import { openSweeping } from './open-sweep-ports.ts';
import { openAccessDesk } from './people.ts';
import { openPeopleSide } from './people-side.ts';
import { openProofKeys } from './proof-keys.ts';
import { runWorker } from './run-worker.ts';
import { defaultSweep, scheduleStanding } from './schedule.ts';
import { readSettings, type Settings } from './settings.ts';
import { openSupplies } from './supplies.ts';
import { openVaultKeys } from './vault-keys.ts';
import { connectTemporal, pollersOf, rotations, workflowStarter, type Temporal } from './temporal.ts';
import { startOwnTemporal } from './own-temporal.ts';

/** The composition root: the only place where everything is named. `bin/keybaton.js` hands these to the command line. */
type Environment = Readonly<Record<string, string | undefined>>;

export interface OpenPorts extends ControlPorts {
  readonly sweeping: Sweeping;
  readonly drills: Drills;
  readonly drillsByWorkers: DrillsByWorkers;
  readonly vaultKeys: VaultKeys;
  readonly adapters: InventoryAdapters;
  readonly settings: Settings;
  readonly tokens: ConsumerTokens;
  close(): Promise<void>;
}

/** What a command needs: ledger, keys, and Temporal only when it is asked for. */
export async function openPorts(
  environment: Environment,
  options: {
    readonly createKey?: boolean;
    readonly adapters?: Adapters;
    /** Told of a ledger that cannot be reached, which is then opened as soon as it can; without it that is an error. */
    readonly without?: (thrown: unknown) => void;
  } = {},
): Promise<OpenPorts> {
  const settings = readSettings(environment);
  const key = await readInstallationKey({ home: settings.home, environment, create: options.createKey ?? true });
  const open = (): Promise<Ledger> => openLedger({ url: settings.ledgerUrl, killSheet: settings.killSheet });
  const ledger = await (options.without === undefined ? open() : openNowOrLater(open, options.without));
  return assemble({ settings, key, ledger, environment, adapters: options.adapters ?? (await adaptersOf(settings)) });
}

interface Assembly {
  readonly settings: Settings;
  readonly key: InstallationKey;
  readonly ledger: Ledger;
  readonly environment: Environment;
  readonly adapters: Adapters;
}

function assemble({ settings, key, ledger, environment, adapters }: Assembly): OpenPorts {
  let connected: Promise<Temporal> | undefined;
  const temporal = (): Promise<Temporal> => {
    connected ??= connectTemporal(settings.temporal, codecsOf(settings, key)).catch((thrown: unknown) => {
      connected = undefined;
      throw thrown;
    });
    return connected;
  };
  const ports = activityPorts({
    ledger,
    key,
    adapters,
    environment,
    workflows: {
      watchTarget: async (target) => workflowStarter((await temporal()).client).watchTarget(target),
      settleDebt: async (credential, version) =>
        workflowStarter((await temporal()).client).settleDebt(credential, version),
      wakeRotation: async (credential) => workflowStarter((await temporal()).client).wakeRotation(credential),
    },
  });
  const runs = rotations(temporal, settings.temporal.address);
  const pollers = pollersOf(temporal, settings.temporal.address);
  return {
    settings,
    adapters: inventoryAdapters(adapters),
    tokens: openConsumerTokens(join(settings.home, 'consumer-tokens.jsonl')),
    ledger,
    rotations: runs,
    checks: openChecks({
      ports,
      adapters,
      rotations: runs,
      pollers,
      killSheet: settings.killSheet,
      reviews: openAccessDesk(settings.home).reviews,
      schedule: async () => scheduleStanding((await temporal()).client),
    }),
    vault: embeddedVaultOf(ports),
    proofKeys: openProofKeys(ledger, key),
    supplies: openSupplies(ports),
    drills: openDrills({ ports, environment, config: settings.config }),
    drillsByWorkers: openDrillsByWorkers(temporal, settings.temporal.address),
    vaultKeys: openVaultKeys(ports),
    sweeping: openSweeping(ports, async () => (await temporal()).client),
    now: () => Date.now(),
    random: (bytes) => randomBytes(bytes),
    close: async () => {
      await ledger.close();
      if (connected !== undefined) await connected.then((one) => one.close()).catch(() => undefined);
    },
  };
}

const sweptEvery = ({ sweepEvery }: Settings) =>
  sweepEvery === undefined ? {} : { sweep: { ...defaultSweep, every: sweepEvery } };

const codecsOf = (settings: Settings, key: InstallationKey) => (settings.sealPayloads ? [payloadCodec(key)] : []);

/** What ships, and what an outside configuration adds under names of its own. */
async function adaptersOf(settings: Settings): Promise<Adapters> {
  const outside = settings.config === undefined ? { providers: {}, backends: {} } : await loadConfig(settings.config);
  return { providers: { ...outside.providers, ...providers }, backends: { ...outside.backends, ...backendRegistry } };
}

export interface ProcessOptions {
  readonly environment: Environment;
  /** Called when it is ready, with what people may want to know. */
  readonly ready?: (facts: { readonly api?: string; readonly temporal?: string }) => void;
  /** Asks for an orderly end. */
  readonly signal: AbortSignal;
}

/** `keybaton worker`: runs rotations until it is told to stop. Answers the exit code. */
export async function worker({ environment, ready, signal }: ProcessOptions): Promise<number> {
  const settings = readSettings(environment);
  const log = openLog(settings.logLevel);
  installRuntime(log);
  const key = await readInstallationKey({ home: settings.home, environment, create: true });
  const ledger = await openLedger({ url: settings.ledgerUrl, killSheet: settings.killSheet });
  try {
    const running = await runWorker({
      temporal: settings.temporal,
      ledger,
      key,
      adapters: await adaptersOf(settings),
      environment,
      log,
      payloadCodecs: codecsOf(settings, key),
      incidents: { home: settings.home, killSheet: settings.killSheet },
      ...sweptEvery(settings),
    });
    ready?.({ temporal: settings.temporal.address });
    await Promise.race([untilAborted(signal), running.ended]);
    running.stop();
    await running.ended;
    return 0;
  } finally {
    await ledger.close();
  }
}

/** `keybaton api`: serves consumers until it is told to stop. Holds no provider credential. */
export async function api({ environment, ready, signal }: ProcessOptions): Promise<number> {
  // What consumers reach runs no code from outside the package.
  const adapters = { providers, backends: backendRegistry };
  const log = openLog(readSettings(environment).logLevel);
  // Signing in and killing need no ledger: an API that starts while it is down must serve them.
  const without = (thrown: unknown): void =>
    log.warn({ code: codeOf(thrown) }, 'the ledger cannot be reached: serving what needs none until it answers');
  const ports = await openPorts(environment, { adapters, without });
  const served = await serve(ports, environment);
  ready?.({ api: served.url });
  await untilAborted(signal);
  await served.close();
  return 0;
}

/** `keybaton up`: Temporal's dev server (unless TEMPORAL_ADDRESS is set), worker and API in one command, for one machine. */
export async function up({ environment, ready, signal }: ProcessOptions): Promise<number> {
  const settings = readSettings(environment);
  const log = openLog(settings.logLevel);
  installRuntime(log);
  const own = settings.ownTemporal ? await startOwnTemporal(settings, environment) : undefined;
  const inside = { ...environment, TEMPORAL_ADDRESS: own?.address ?? settings.temporal.address };
  try {
    const ports = await openPorts(inside);
    const key = await readInstallationKey({ home: settings.home, environment, create: true });
    const running = await runWorker({
      temporal: ports.settings.temporal,
      ledger: ports.ledger,
      key,
      adapters: await adaptersOf(settings),
      environment: inside,
      log,
      payloadCodecs: codecsOf(settings, key),
      incidents: { home: settings.home, killSheet: settings.killSheet },
      ...sweptEvery(settings),
    });
    const served = await serve(ports, inside, async () => {
      running.stop();
      await running.ended;
    });
    ready?.({ api: served.url, temporal: ports.settings.temporal.address });
    const temporalEnded = own?.ended.then(() => {
      if (!signal.aborted)
        throw new KeybatonError('UNAVAILABLE', 'the Temporal dev server has ended: see temporal.log');
    });
    try {
      await Promise.race([untilAborted(signal), running.ended, temporalEnded ?? untilAborted(signal)]);
    } finally {
      await served.close();
    }
    return 0;
  } finally {
    await own?.stop();
  }
}

async function serve(
  ports: OpenPorts,
  environment: Environment,
  before: () => Promise<void> = async () => undefined,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { home, spool, logLevel } = ports.settings;
  const log = openLog(logLevel);
  const accessLog = await openAccessLog(join(home, 'access.jsonl'), { spool, told: (what) => log.warn({}, what) });
  const side = await openPeopleSide({ ports, environment, log });
  const served = await startHttpApi({
    ...side?.options,
    ports,
    tokens: ports.tokens,
    accessLog,
    checkProof: proofMatches,
    host: ports.settings.api.host,
    port: ports.settings.api.port,
    proxies: ports.settings.api.proxies,
  });
  return {
    url: served.url,
    close: async () => {
      await served.close();
      await before();
      await side?.close();
      await accessLog.close();
      await ports.close();
    },
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
