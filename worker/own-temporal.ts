import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { KeybatonError } from '../domain/errors.ts';
import type { Settings } from './settings.ts';

export interface OwnTemporal {
  readonly address: string;
  /** Resolves when the server ends, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** How long the server may take to answer, in milliseconds. */
const patience = 60_000;

/** Temporal's own dev server with a database file in our home folder: for one machine, no cluster. */
export async function startOwnTemporal(
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<OwnTemporal> {
  const command = findCli(environment);
  mkdirSync(settings.home, { recursive: true, mode: 0o700 });
  const port = await freePort(7233);
  const address = `127.0.0.1:${port}`;
  const log = openSync(join(settings.home, 'temporal.log'), 'a', 0o600);
  const child = spawn(
    command,
    [
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
    { stdio: ['ignore', log, log] },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // A server without its worker helps nobody: it goes down with us, whatever takes us down.
  const kill = (): void => void child.kill('SIGTERM');
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  };
  await untilAnswers(child, command, address, settings.temporal.namespace).catch(async (thrown: unknown) => {
    await stop();
    throw thrown;
  });
  return { address, ended, stop };
}

/** TEMPORAL_CLI, then PATH, then what set-up brought into a checkout. */
function findCli(environment: Readonly<Record<string, string | undefined>>): string {
  const named = environment['TEMPORAL_CLI'];
  const inPath = (environment['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'temporal'));
  const ofCheckout = fileURLToPath(new URL('../.servers/bin/temporal', import.meta.url));
  const found = [...(named === undefined ? [] : [named]), ...inPath, ofCheckout].find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new KeybatonError(
    'INVALID_CONFIG',
    'the Temporal CLI was not found: install it and put it in PATH, set TEMPORAL_CLI to it, or set TEMPORAL_ADDRESS to a server that runs',
  );
}

async function untilAnswers(child: ChildProcess, command: string, address: string, namespace: string): Promise<void> {
  const [host = '', port = ''] = address.split(':');
  for (const began = Date.now(); Date.now() - began < patience; await after(50)) {
    if (child.exitCode !== null)
      throw new KeybatonError('UNAVAILABLE', 'the Temporal dev server has ended: see temporal.log in the home folder');
    if (!(await isOpen(host, Number(port)))) continue;
    if (
      spawnSync(command, ['operator', 'namespace', 'describe', '-n', namespace, '--address', address], {
        stdio: 'ignore',
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
