import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { backendRegistry } from '../backends/registry.ts';
import type { EmergencyPorts } from '../control/incident-ports.ts';
import { ledgerPatience } from '../control/operations/emergency-known.ts';
import { within } from '../control/operations/within.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { RateLimit } from '../domain/incident.ts';
import { asTargets } from '../inventory/targets.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openLedger } from '../ledger/open.ts';
import { providers } from '../providers/registry.ts';
import type { Adapters } from './bindings.ts';
import { containmentPorts } from './containment-ports.ts';
import { openDirectKill } from './direct-kill.ts';
import { openIncidents } from './incidents.ts';
import { readInstallationKey, type InstallationKey } from './installation-key.ts';
import { inventoryAdapters } from './inventory-adapters.ts';
import { openKillSwitches } from './kill-switches.ts';
import { openKnownKeys } from './known-keys.ts';
import { loadConfig } from './load-config.ts';
import { payloadCodec } from './payload-codec.ts';
import { readKillSheet } from './read-kill-sheet.ts';
import { readSettings, type Settings } from './settings.ts';
import { connectTemporal, rotations, type Temporal } from './temporal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How long closing may take, milliseconds: what hangs is left to the end of the process. */
const closing = 1_000;

/**
 * What emergencies need, opened so that nothing which is down keeps the rest from working: the ledger and Temporal at
 * their first question, the installation key where it is needed. Makes nothing: no ledger, no key. Rejects only when the
 * settings themselves are wrong.
 */
export async function openIncidentPorts(environment: Environment): Promise<EmergencyPorts> {
  const settings = readSettings(environment);
  const adapters = await adaptersOf(settings);
  const key = await keyOrNone(settings, environment);
  const ledger = lazyLedger(settings);
  const temporal = lazyTemporal(settings, key);
  const ports = containmentPorts({ ledger: ledger.open, killSheet: settings.killSheet, key, adapters, environment });
  const runs = rotations(temporal.connect, settings.temporal.address);
  const direct = openDirectKill({ home: settings.home, ports, ledger: ledger.open, rotations: runs });
  return {
    ledger: ledger.open,
    incidents: openIncidents({
      temporal: temporal.connect,
      address: settings.temporal.address,
      rates: () => ratesOf(settings, ledger.open),
    }),
    direct,
    journals: direct,
    killSwitches: openKillSwitches(ports),
    known: openKnownKeys({ ports, adapters, environment, key, killSheet: settings.killSheet }),
    adapters: inventoryAdapters(adapters),
    now: () => Date.now(),
    random: (bytes) => randomBytes(bytes),
    close: async () => {
      const done = Promise.all([ledger.close(), temporal.close()]);
      await Promise.race([done, new Promise((resolve) => setTimeout(resolve, closing).unref())]);
    },
  };
}

/** Adapters from outside are left out when their file does not load: those that ship still kill. */
async function adaptersOf(settings: Settings): Promise<Adapters> {
  const none = { providers: {}, backends: {} };
  const outside = settings.config === undefined ? none : await loadConfig(settings.config).catch(() => none);
  return { providers: { ...outside.providers, ...providers }, backends: { ...outside.backends, ...backendRegistry } };
}

/** Without the key nothing is fingerprinted, nor read from the embedded vault; everything else works, and says so. */
async function keyOrNone(settings: Settings, environment: Environment): Promise<InstallationKey | undefined> {
  return readInstallationKey({ home: settings.home, environment, create: false }).catch(() => undefined);
}

/** From the kill sheet, which every worker keeps as new as the ledger and which nobody waits for; else from the ledger. */
async function ratesOf(
  { killSheet }: Settings,
  ledger: () => Promise<Ledger>,
): Promise<Readonly<Record<string, RateLimit>>> {
  const { sheet } = await readKillSheet(killSheet);
  const asked = async (): Promise<unknown> => (await ledger()).appliedTargets();
  const { targets } = asTargets(sheet?.targets ?? (await within('the ledger', ledgerPatience, asked())));
  return Object.fromEntries(
    Object.entries(targets).flatMap(([name, { rateLimit }]) => (rateLimit === undefined ? [] : [[name, rateLimit]])),
  );
}

function lazyLedger(settings: Settings): { readonly open: () => Promise<Ledger>; readonly close: () => Promise<void> } {
  let opened: Promise<Ledger> | undefined;
  const open = (): Promise<Ledger> => {
    opened ??= openExisting(settings).catch((thrown: unknown) => {
      opened = undefined;
      throw thrown;
    });
    return opened;
  };
  return {
    open,
    close: async () => {
      await opened?.then((ledger) => ledger.close()).catch(() => undefined);
    },
  };
}

/** Without the kill sheet: an emergency reads it, and a ledger that lost its memory must not write it anew. */
async function openExisting({ ledgerUrl }: Settings): Promise<Ledger> {
  const path = ledgerUrl.startsWith('sqlite://')
    ? fileURLToPath(ledgerUrl.replace(/^sqlite:/, 'file:'))
    : ledgerUrl.replace(/^sqlite:/, '');
  if (ledgerUrl.startsWith('sqlite:') && !existsSync(path))
    throw new KeybatonError('NOT_FOUND', `there is no ledger at ${path}: set KEYBATON_HOME, or copy it back`);
  return openLedger({ url: ledgerUrl });
}

function lazyTemporal(
  settings: Settings,
  key: InstallationKey | undefined,
): { readonly connect: () => Promise<Temporal>; readonly close: () => Promise<void> } {
  let connected: Promise<Temporal> | undefined;
  const begin = async (): Promise<Temporal> => {
    if (!settings.sealPayloads) return connectTemporal(settings.temporal);
    if (key !== undefined) return connectTemporal(settings.temporal, [payloadCodec(key)]);
    throw new KeybatonError('UNAVAILABLE', 'Temporal keeps payloads sealed, and this machine has no installation key');
  };
  const connect = (): Promise<Temporal> => {
    connected ??= begin().catch((thrown: unknown) => {
      connected = undefined;
      throw thrown;
    });
    return connected;
  };
  return {
    connect,
    close: async () => {
      await connected?.then((one) => one.close()).catch(() => undefined);
    },
  };
}
