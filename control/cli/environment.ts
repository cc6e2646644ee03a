import type { Readable, Writable } from 'node:stream';
import type { Adapters } from '../../inventory/adapters.ts';
import type { AccessFolder } from '../access-folder.ts';
import type { ConsumerTokens } from '../access/consumer-tokens.ts';
import type { Discovery } from '../discovery.ts';
import type { Drills, DrillsByWorkers } from '../drill-ports.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import type { ConsumerProgram } from '../consumer-program.ts';
import type { WiringAsk, WiringSeen } from '../consumer-wiring.ts';
import type { ControlPorts } from '../ports.ts';
import type { ProviderTesting } from '../provider-test.ts';
import type { Sweeping } from '../sweep-ports.ts';
import type { VaultKeys } from '../vault-ports.ts';

/** What a command may reach; opened when the first command needs it, closed before the process ends. */
export interface CliPorts extends ControlPorts {
  readonly adapters: Adapters;
  /** Undefined where this process cannot reach the file of consumer tokens. */
  readonly tokens?: ConsumerTokens;
  /** Undefined where this process cannot ask the providers. */
  readonly sweeping?: Sweeping;
  /** Likewise. */
  readonly drills?: Drills;
  /** Undefined where no worker can be asked. */
  readonly drillsByWorkers?: DrillsByWorkers;
  /** Undefined where this process cannot reach the files of embedded vaults. */
  readonly vaultKeys?: VaultKeys;
  close(): Promise<void>;
}

/** The processes that run until they are told to stop. They answer their exit code. */
export interface Processes {
  worker(options: ProcessOptions): Promise<number>;
  api(options: ProcessOptions): Promise<number>;
  up(options: ProcessOptions): Promise<number>;
}

export interface ProcessOptions {
  /** Settings given as options, by the names they have in the environment; they win over it. */
  readonly overrides: Readonly<Record<string, string>>;
  /** Called when it is ready, with what people may want to know. */
  readonly ready: (facts: { readonly api?: string; readonly temporal?: string }) => void;
  /** Aborts at Ctrl-C and at SIGTERM. */
  readonly signal: AbortSignal;
}

/** Everything of the outside world that the command line touches, so that tests can own it. */
export interface CliEnvironment {
  openPorts(): Promise<CliPorts>;
  /** What emergencies need; opens although ledger, key or Temporal are down. */
  openIncidentPorts(): Promise<EmergencyPorts>;
  readonly processes: Processes;
  /** Undefined where access is not kept. */
  readonly openAccess?: () => Promise<AccessFolder>;
  /** The conformance kit over a declared provider; undefined where this process has none. */
  readonly providerTesting?: () => Promise<ProviderTesting>;
  /** Runs a program with a secret; undefined where this process may start none. */
  readonly exec?: (run: ConsumerProgram) => Promise<number>;
  /** Looks at a consumer's wiring from where it runs; undefined where this process cannot. */
  readonly wiring?: (ask: WiringAsk) => Promise<WiringSeen>;
  /** Looks through vaults; undefined where this process can open none. */
  readonly discovery?: () => Promise<Discovery>;
  /** A variable of the environment, for a credential that a command names by it. */
  readonly variable?: (name: string) => string | undefined;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Who is at the keyboard, for the actor `os:<user>`. */
  readonly user: string;
  /** Undefined: what package.json says. */
  readonly version?: string;
  /** Aborted by Ctrl-C; undefined: `runCli` listens for SIGINT and SIGTERM itself. */
  readonly signal?: AbortSignal;
}
