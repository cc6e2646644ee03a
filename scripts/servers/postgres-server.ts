import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { onFreePort } from './free-port.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { startProgram } from './program.ts';
import type { Program } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface PostgresServerOptions {
  /** A free one by default. */
  readonly port?: number;
  /** Server settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Everything the server logs goes to this file as well. */
  readonly logFile?: string;
}

export interface PostgresServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly adminUser: 'postgres';
  readonly adminPassword: string;
  /** `postgres://postgres:...@127.0.0.1:port/postgres` */
  readonly adminUrl: string;
  /** The server program of this moment; `restart` begins another. */
  readonly process: () => Program;
  /** Ends it and removes its data. */
  readonly stop: () => Promise<void>;
  /** Kills every process of it with SIGKILL; the data stays. */
  readonly kill: () => Promise<void>;
  /** Starts it again with the same data on the same port; a running one is stopped first. */
  readonly restart: () => Promise<void>;
}

function childrenOf(pid: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([child, parent]) => (child !== undefined && parent === pid ? [child] : []));
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000 });
  // An error between two calls would otherwise end our process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false; // not yet: `ready` gives up with what the server printed
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A real PostgreSQL with SCRAM logins, empty, on 127.0.0.1. Resolves when it answers a query. */
export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  return options.port === undefined ? onFreePort((port) => startOn(port, options)) : startOn(options.port, options);
}

async function startOn(port: number, options: PostgresServerOptions): Promise<PostgresServer> {
  const { initdb, postgres, user } = postgresBinaries();
  const adminPassword = randomBytes(18).toString('base64url');
  const adminUrl = `postgres://postgres:${adminPassword}@127.0.0.1:${port}/postgres`;

  const folder = temporaryFolder('postgres');
  const passwordFile = join(folder.path, 'password');
  const dataFolder = join(folder.path, 'data');
  mkdirSync(dataFolder, { mode: 0o700 });
  writeFileSync(passwordFile, adminPassword, { mode: 0o600 });
  if (user !== undefined) {
    chmodSync(folder.path, 0o755);
    for (const path of [dataFolder, passwordFile]) chownSync(path, user.uid, user.gid);
  }

  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    // A killed process loses nothing by this; only a machine that goes down does.
    fsync: 'off',
    ...options.settings,
  };

  function start(): Promise<Program> {
    return startProgram({
      title: 'PostgreSQL',
      command: postgres,
      args: [
        '-D',
        dataFolder,
        '-p',
        `${port}`,
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      cwd: dataFolder,
      stopSignal: 'SIGINT', // "fast": does not wait for clients
      ...user,
      ...(options.logFile === undefined ? {} : { logFile: options.logFile }),
    });
  }

  async function kill(): Promise<void> {
    const children = childrenOf(server.pid);
    await server.kill();
    for (const pid of children) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended with its parent.
      }
    }
  }

  async function stop(): Promise<void> {
    await server.stop();
    folder.remove();
  }

  try {
    execFileSync(
      initdb,
      [
        '-D',
        dataFolder,
        '-U',
        'postgres',
        '-A',
        'scram-sha-256',
        `--pwfile=${passwordFile}`,
        '-E',
        'UTF8',
        '--locale=C',
        '--no-sync',
      ],
      { cwd: dataFolder, stdio: ['ignore', 'ignore', 'pipe'], ...user },
    );
    rmSync(passwordFile);
  } catch (error) {
    folder.remove();
    throw error;
  }
  let server = await start();
  const ready = () => server.ready(() => answers(adminUrl));
  try {
    await ready();
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    host: '127.0.0.1',
    port,
    adminUser: 'postgres',
    adminPassword,
    adminUrl,
    process: () => server,
    stop,
    kill,
    async restart() {
      await server.stop();
      server = await start();
      await ready();
    },
  };
}
