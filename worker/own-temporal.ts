import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, realpathSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { KeybatonError } from '../domain/errors.ts';
import type { Settings } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface OwnTemporal {
  readonly address: string;
  /** Resolves when the server ends, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** How long the server may take to answer, in milliseconds. */
const patience = 60_000;

/** How often it may find its port taken by somebody who was a moment faster. */
const attempts = 5;

/** Temporal's own dev server with a database file in our home folder: for one machine, no cluster. */
export async function startOwnTemporal(settings: Settings, environment: Environment): Promise<OwnTemporal> {
  const command = findCli(environment);
  mkdirSync(settings.home, { recursive: true, mode: 0o700 });
  for (let attempt = 1; ; attempt += 1) {
    // The usual port where it is free, else any.
    const port = (attempt === 1 ? await listenOnce(7233) : undefined) ?? (await listenOnce(0)) ?? 7233;
    const started = await startAt(port, { command, settings, environment });
    if (started !== 'taken') return started;
    if (attempt === attempts)
      throw new KeybatonError(
        'UNAVAILABLE',
        'the Temporal dev server found every port taken: see temporal.log in the home folder',
      );
  }
}

interface Command {
  readonly command: string;
  readonly settings: Settings;
  readonly environment: Environment;
}

async function startAt(port: number, { command, settings, environment }: Command): Promise<OwnTemporal | 'taken'> {
  const address = `127.0.0.1:${port}`;
  const namespaces = [settings.temporal.namespace, namespaceOf(settings.home)];
  const log = openSync(join(settings.home, 'temporal.log'), 'a', 0o600);
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      // Its database is for its owner alone, also in a folder that others may enter; exec keeps the process ours to end.
      'umask 077; exec "$0" "$@"',
      command,
      ...['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port)],
      ...namespaces.flatMap((name) => ['--namespace', name]),
      ...['--db-filename', join(settings.home, 'temporal.db')],
      ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=FULL', '--log-level', 'warn'],
    ],
    { stdio: ['ignore', log, log], env: environmentOf(environment) },
  );
  // The child has its own copy.
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // A server without its worker helps nobody: it goes down with us, whatever takes us down.
  const kill = (): void => void child.kill('SIGTERM');
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  };
  try {
    if (await answers({ child, command, environment, address, namespaces })) return { address, ended, stop };
    process.off('exit', kill);
    return 'taken';
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/**
 * A namespace that the server of this home alone has: who answers at the port may be another one that was started in the
 * same moment, with the same port, and whose workers would take our rotations.
 */
const namespaceOf = (home: string): string =>
  `keybaton-home-${createHash('sha256').update(realpathSync(home)).digest('hex').slice(0, 16)}`;

/** TEMPORAL_CLI, then PATH, then what set-up brought into a checkout, which has its version in its name. */
export function findCli(environment: Environment, checkout = new URL('../.servers/bin/', import.meta.url)): string {
  const named = environment['TEMPORAL_CLI'];
  if (named !== undefined) {
    if (existsSync(named)) return named;
    throw new KeybatonError('INVALID_CONFIG', `TEMPORAL_CLI names ${named}, and there is no such file`);
  }
  const inPath = (environment['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'temporal'));
  const found = [...inPath, ...broughtBySetUp(fileURLToPath(checkout))].find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new KeybatonError(
    'INVALID_CONFIG',
    'the Temporal CLI was not found: install it and put it in PATH, set TEMPORAL_CLI to it, or set TEMPORAL_ADDRESS to a server that runs',
  );
}

/** Newest first. */
function broughtBySetUp(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^temporal-\d+(\.\d+)*$/.test(name))
    .sort((one, other) => other.localeCompare(one, 'en', { numeric: true }))
    .map((name) => join(folder, name));
}

/** What Temporal's CLI needs of ours. Admin credentials and the installation key are in there too, and none of its business. */
function environmentOf(environment: Environment): Record<string, string> {
  return Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR', 'XDG_CONFIG_HOME', 'LANG'].flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

interface Starting {
  readonly child: ChildProcess;
  readonly command: string;
  readonly environment: Environment;
  readonly address: string;
  readonly namespaces: readonly string[];
}

/** Waits until it is there; false when it has ended because somebody else has its port. */
async function answers({ child, command, environment, address, namespaces }: Starting): Promise<boolean> {
  const [host = '', port = ''] = address.split(':');
  const knows = (name: string): boolean =>
    spawnSync(command, ['operator', 'namespace', 'describe', '-n', name, '--address', address], {
      stdio: 'ignore',
      env: environmentOf(environment),
    }).status === 0;
  for (const began = Date.now(); Date.now() - began < patience; await after(50)) {
    const open = await isOpen(host, Number(port));
    if (child.exitCode !== null) {
      if (open) return false;
      throw new KeybatonError('UNAVAILABLE', 'the Temporal dev server has ended: see temporal.log in the home folder');
    }
    if (open && namespaces.every(knows)) return true;
  }
  throw new KeybatonError(
    'UNAVAILABLE',
    'the Temporal dev server does not answer: see temporal.log in the home folder',
  );
}

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}

function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
