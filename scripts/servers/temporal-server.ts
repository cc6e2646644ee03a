import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { onFreePort, portIsOpen } from './free-port.ts';
import { startProgram } from './program.ts';
import type { Program } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { toolPath } from './tools.ts';

export interface TemporalServerOptions {
  /** Temporal's database; a file of a temporary folder by default. One that exists is continued. */
  readonly dbFilename?: string;
  /** A free one by default; give the same again to restart a server under its clients. */
  readonly port?: number;
  readonly namespace?: string;
  /** More arguments of `temporal server start-dev`. */
  readonly extraArgs?: readonly string[];
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly logFile?: string;
}

export interface TemporalServer {
  readonly address: string;
  readonly namespace: string;
  readonly dbFilename: string;
  readonly port: number;
  readonly process: Program;
  readonly stop: () => Promise<void>;
}

/** Temporal's dev server, on a database file as `keybaton up` runs it. Resolves when the namespace answers. */
export async function startTemporalServer(options: TemporalServerOptions = {}): Promise<TemporalServer> {
  return options.port === undefined ? onFreePort((port) => startOn(port, options)) : startOn(options.port, options);
}

async function startOn(port: number, options: TemporalServerOptions): Promise<TemporalServer> {
  const { namespace = 'keybaton', extraArgs = [], env = {} } = options;
  const temporal = toolPath('temporal');
  const folder = options.dbFilename === undefined ? temporaryFolder('temporal') : undefined;
  const dbFilename = options.dbFilename ?? join(folder?.path ?? '', 'temporal.db');
  const address = `127.0.0.1:${port}`;

  const start = ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', `${port}`];
  // Without write-ahead logging a workflow task costs three times as much.
  const database = [
    '--db-filename',
    dbFilename,
    '--sqlite-pragma',
    'journal_mode=WAL',
    '--sqlite-pragma',
    'synchronous=NORMAL',
  ];
  const server = await startProgram({
    title: 'the Temporal dev server',
    command: temporal,
    args: [...start, ...database, '--namespace', namespace, '--log-level', 'warn', ...extraArgs],
    env,
    ...(options.logFile === undefined ? {} : { logFile: options.logFile }),
  });

  async function stop(): Promise<void> {
    await server.stop();
    folder?.remove();
  }

  try {
    await server.ready(async () => {
      if (!(await portIsOpen(port))) return false;
      const describe = ['operator', 'namespace', 'describe', '-n', namespace, '--address', address];
      return new Promise((done) => execFile(temporal, describe, { timeout: 10_000 }, (error) => done(error === null)));
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, namespace, dbFilename, port, process: server, stop };
}
