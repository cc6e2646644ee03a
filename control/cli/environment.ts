import type { Readable, Writable } from 'node:stream';
import type { Adapters } from '../../inventory/adapters.ts';
import type { ConsumerTokens } from '../access/consumer-tokens.ts';
import type { ControlPorts } from '../ports.ts';

/** What a command may reach; opened when the first command needs it, closed before the process ends. */
export interface CliPorts extends ControlPorts {
  readonly adapters: Adapters;
  /** Undefined where this process cannot reach the file of consumer tokens. */
  readonly tokens?: ConsumerTokens;
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
  readonly processes: Processes;
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
