import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { parseDuration } from '../domain/duration.ts';
import { KeybatonError } from '../domain/errors.ts';

/** What a process needs to know before it can open anything; from the environment, no secret in it. */
export interface Settings {
  /** Folder of this installation: ledger, embedded vault, installation key, kill sheet, logs. */
  readonly home: string;
  readonly ledgerUrl: string;
  readonly killSheet: string;
  /** Where readings are kept while the access log cannot be written. */
  readonly spool: string;
  readonly temporal: { readonly address: string; readonly namespace: string };
  /** Temporal is ours to start (`up`) unless an address was given. */
  readonly ownTemporal: boolean;
  readonly api: {
    readonly host: string;
    readonly port: number;
    /** Addresses and networks of proxies in front of it, which say from where somebody asks. */
    readonly proxies: readonly string[];
  };
  readonly logLevel: string;
  /** Temporal keeps payloads sealed; every process of an installation must say the same. */
  readonly sealPayloads: boolean;
  /** An outside configuration with adapters of its own; every process but `api` loads it. */
  readonly config: string | undefined;
  readonly host: string;
  /** Milliseconds between two sweeps; undefined: this worker keeps no Schedule. */
  readonly sweepEvery: number | undefined;
}

export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  refuseTalkingNode(environment['NODE_DEBUG']);
  refuseDumps([...process.execArgv, ...(environment['NODE_OPTIONS'] ?? '').split(/\s+/)]);
  const home = resolve(environment['KEYBATON_HOME'] ?? '.keybaton');
  const config = environment['KEYBATON_CONFIG'];
  return {
    home,
    ledgerUrl: environment['KEYBATON_LEDGER'] ?? `sqlite:${join(home, 'ledger.sqlite')}`,
    killSheet: join(home, 'kill-sheet.json'),
    spool: resolve(environment['KEYBATON_SPOOL'] ?? join(home, 'spool')),
    temporal: {
      address: environment['TEMPORAL_ADDRESS'] ?? '127.0.0.1:7233',
      namespace: environment['TEMPORAL_NAMESPACE'] ?? 'keybaton',
    },
    ownTemporal: environment['TEMPORAL_ADDRESS'] === undefined,
    api: {
      host: environment['KEYBATON_API_HOST'] ?? '127.0.0.1',
      port: port(environment['KEYBATON_API_PORT'] ?? '7270'),
      proxies: networks(environment['KEYBATON_API_PROXIES'] ?? ''),
    },
    logLevel: environment['KEYBATON_LOG_LEVEL'] ?? 'info',
    sealPayloads: environment['KEYBATON_SEAL_PAYLOADS'] === 'yes',
    config: config === undefined ? undefined : resolve(config),
    host: hostname(),
    sweepEvery: sweepEvery(environment['KEYBATON_SWEEP_EVERY'] ?? '1m'),
  };
}

/** Node's own debug output prints the headers and bodies of what we send: admin credentials and values among them. */
function refuseTalkingNode(sections: string | undefined): void {
  if (sections === undefined || sections === '') return;
  throw new KeybatonError('INVALID_CONFIG', 'Node would print what keybaton sends, secrets too: unset NODE_DEBUG');
}

/** Options by which Node writes its memory to a file, where secrets lie that are in use: heap snapshots, and core files on purpose. */
const dumps = ['--heapsnapshot-near-heap-limit', '--heapsnapshot-signal', '--abort-on-uncaught-exception'];
/** A report holds the environment of each thread, which only the option takes away: what a process says counts for itself alone. */
const reports = ['--report-on-signal', '--report-on-fatalerror', '--report-uncaught-exception'];
const withoutEnvironment = '--report-exclude-env';

function refuseDumps(given: readonly string[]): void {
  // Node and V8 take underscores for dashes.
  const names = given.map((one) => one.replaceAll(/["']/g, '').split('=', 1)[0]?.replaceAll('_', '-'));
  const refused = dumps.find((name) => names.includes(name));
  if (refused !== undefined)
    throw new KeybatonError(
      'INVALID_CONFIG',
      `Node would write its memory to a file, secrets too: start keybaton without ${refused}`,
    );
  if (reports.some((name) => names.includes(name)) && !names.includes(withoutEnvironment))
    throw new KeybatonError(
      'INVALID_CONFIG',
      `reports of Node would hold the environment, secrets too: start keybaton with ${withoutEnvironment} as well`,
    );
}

function sweepEvery(text: string): number | undefined {
  if (text === 'off') return undefined;
  const every = parseDuration(text);
  if (every >= 1_000) return every;
  throw new KeybatonError('INVALID_CONFIG', 'KEYBATON_SWEEP_EVERY must be at least 1s, or off');
}

function networks(text: string): readonly string[] {
  const said = text.split(',').map((one) => one.trim());
  const named = said.filter((one) => one !== '');
  if (named.every(isNetwork)) return named;
  const wants = 'KEYBATON_API_PROXIES wants addresses or networks with commas, such as 10.0.0.7,10.1.0.0/16';
  throw new KeybatonError('INVALID_CONFIG', wants);
}

/** Not the whole of a family: whoever asks would then say by themselves from where. */
function isNetwork(text: string): boolean {
  const [address = '', bits, more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more !== undefined) return false;
  const most = family === 4 ? 32 : 128;
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= most);
}

function port(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number < 65_536) return number;
  throw new KeybatonError('INVALID_CONFIG', 'KEYBATON_API_PORT must be a port number (0 takes a free one)');
}
