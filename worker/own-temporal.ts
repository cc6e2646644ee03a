import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs';
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

/** Temporal's own dev server with a database file in our home folder: for one machine, no cluster. */
export async function startOwnTemporal(settings: Settings, environment: Environment): Promise<OwnTemporal> {
  const command = findCli(environment);
  mkdirSync(settings.home, { recursive: true, mode: 0o700 });
  const port = await freePort(7233);
  const address = `127.0.0.1:${port}`;
  const log = openSync(join(settings.home, 'temporal.log'), 'a', 0o600);
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      // Its database is for its owner alone, also in a folder that others may enter; exec keeps the process ours to end.
      'umask 077; exec "$0" "$@"',
      command,
      'server',
      'start-dev',
      '--headless',
      '--ip',
      '127.0.0.1',
      '--port',
      String(port),
      '--namespace',
      settings.temporal.namespace,
      '--db-filename',
      join(settings.home, 'temporal.db'),
      '--sqlite-pragma',
      'journal_mode=WAL',
      '--sqlite-pragma',
      'synchronous=FULL',
      '--log-level',
      'warn',
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
  await untilAnswers({ child, command, environment, address, namespace: settings.temporal.namespace }).catch(
    async (thrown: unknown) => {
      await stop();
      throw thrown;
    },
  );
  return { address, ended, stop };
}

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
  readonly namespace: string;
}

async function untilAnswers({ child, command, environment, address, namespace }: Starting): Promise<void> {
  const [host = '', port = ''] = address.split(':');
  for (const began = Date.now(); Date.now() - began < patience; await after(50)) {
    if (child.exitCode !== null)
      throw new KeybatonError('UNAVAILABLE', 'the Temporal dev server has ended: see temporal.log in the home folder');
    if (!(await isOpen(host, Number(port)))) continue;
    if (
      spawnSync(command, ['operator', 'namespace', 'describe', '-n', namespace, '--address', address], {
        stdio: 'ignore',
        env: environmentOf(environment),
      }).status === 0
    )
      return;
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

/** The usual port where it is free, else any. */
async function freePort(usual: number): Promise<number> {
  return (await listenOnce(usual)) ?? (await listenOnce(0)) ?? usual;
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
