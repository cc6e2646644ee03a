import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection } from 'mariadb';
import { onFreePort } from './free-port.ts';
import { startProgram } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { debianServer } from './tools.ts';

export interface MariadbServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly adminUser: 'root';
  readonly adminPassword: string;
  /** Every statement as the server logs it. */
  readonly generalLog: string;
  /** Ends it and removes its data. */
  readonly stop: () => Promise<void>;
}

/** A real MariaDB, empty, on 127.0.0.1, with its general log. Resolves when it answers a login. */
export function startMariadbServer(
  options: { readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<MariadbServer> {
  return onFreePort((port) => startOn(port, options.settings ?? {}));
}

async function startOn(port: number, settings: Readonly<Record<string, string>>): Promise<MariadbServer> {
  const { path, root, env } = debianServer('mariadb-server');
  const base = join(root, 'usr');
  const folder = temporaryFolder('mariadb');
  const adminPassword = randomBytes(18).toString('base64url');
  const generalLog = join(folder.path, 'general.log');
  const tables = join(folder.path, 'tables');
  mkdirSync(tables, { mode: 0o700 });
  // The server refuses to run as root unless it is told so.
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  const first = join(folder.path, 'first.sql');
  writeFileSync(
    first,
    [
      "delete from mysql.global_priv where User = 'root' and Host <> '127.0.0.1'",
      'flush privileges',
      `alter user root@'127.0.0.1' identified by '${adminPassword}'`,
      // The server does nothing with a line that has no end.
      '',
    ].join(';\n'),
    { mode: 0o600 },
  );
  const options = {
    datadir: tables,
    socket: join(folder.path, 's'),
    'bind-address': '127.0.0.1',
    port: String(port),
    'init-file': first,
    'skip-name-resolve': '1',
    'lc-messages-dir': join(base, 'share', 'mysql'),
    'plugin-dir': join(base, 'lib', 'mysql', 'plugin'),
    'general-log': '1',
    'general-log-file': generalLog,
    'innodb-buffer-pool-size': '16M',
    'innodb-flush-log-at-trx-commit': '0',
    ...settings,
  };
  try {
    const install = ['--no-defaults', ...user, `--basedir=${base}`, `--datadir=${tables}`, '--skip-test-db'];
    execFileSync(
      join(base, 'bin', 'mariadb-install-db'),
      [...install, '--auth-root-authentication-method=normal', '--skip-name-resolve'],
      { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const server = await startProgram({
      title: 'MariaDB',
      command: path,
      args: ['--no-defaults', ...user, ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)],
      env,
      cwd: folder.path,
    });
    const stop = async (): Promise<void> => {
      await server.stop();
      folder.remove();
    };
    const login = { host: '127.0.0.1', port, user: 'root', password: adminPassword, connectTimeout: 5_000 };
    try {
      await server.ready(() => answers(login));
    } catch (error) {
      await stop();
      throw error;
    }
    return { host: '127.0.0.1', port, adminUser: 'root', adminPassword, generalLog, stop };
  } catch (error) {
    folder.remove();
    throw error;
  }
}

async function answers(login: Parameters<typeof createConnection>[0]): Promise<boolean> {
  try {
    const connection = await createConnection(login);
    connection.on('error', () => undefined);
    await connection.end();
    return true;
  } catch {
    return false; // not yet: `ready` gives up with what the server printed
  }
}
