import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { freePort, onFreePort, portIsOpen } from './free-port.ts';
import { startProgram } from './program.ts';
import type { Program } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { debianServer } from './tools.ts';

export interface RabbitMqServer {
  readonly host: string;
  /** For AMQP. */
  readonly port: number;
  /** The management plugin's HTTP API. */
  readonly apiPort: number;
  readonly apiUrl: string;
  /** An administrator; `guest` does not exist. */
  readonly adminUser: string;
  readonly adminPassword: string;
  readonly stop: () => Promise<void>;
}

/** A real RabbitMQ with its management plugin, empty, on 127.0.0.1. Resolves when its HTTP API answers. */
export async function startRabbitMqServer(): Promise<RabbitMqServer> {
  return onFreePort(async (port) => startOn(port));
}

async function startOn(port: number): Promise<RabbitMqServer> {
  const [apiPort, nodePort, namesPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const { root, env } = debianServer('rabbitmq-server');
  const folder = temporaryFolder('rabbitmq');
  const adminUser = 'root';
  const adminPassword = randomBytes(18).toString('base64url');
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const home = rabbitHome(root);
  const bin = join(folder.path, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'erl'), erlScript(root), { mode: 0o755 });
  writeFileSync(join(folder.path, '.erlang.cookie'), randomBytes(20).toString('hex'), { mode: 0o400 });
  writeFileSync(join(folder.path, 'plugins'), '[rabbitmq_management].\n');
  writeFileSync(
    join(folder.path, 'rabbitmq.conf'),
    [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      'management.tcp.ip = 127.0.0.1',
      `management.tcp.port = ${apiPort}`,
      `default_user = ${adminUser}`,
      `default_pass = ${adminPassword}`,
      'log.console = true',
      'log.console.level = warning',
      'log.file = false',
    ].join('\n'),
    { mode: 0o600 },
  );
  const environment = {
    ...env,
    HOME: folder.path,
    PATH: [bin, process.env['PATH'] ?? ''].join(delimiter),
    RABBITMQ_HOME: home,
    RABBITMQ_NODENAME: 'keybaton@localhost',
    RABBITMQ_CONFIG_FILE: join(folder.path, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: join(folder.path, 'none'),
    RABBITMQ_MNESIA_BASE: join(folder.path, 'db'),
    RABBITMQ_LOG_BASE: folder.path,
    RABBITMQ_LOGS: '-',
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder.path, 'plugins'),
    RABBITMQ_PLUGINS_DIR: join(home, 'plugins'),
    RABBITMQ_DIST_PORT: `${nodePort}`,
    ERL_EPMD_PORT: `${namesPort}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // The script becomes the node itself, in place of a shell that waits for it.
    RUNNING_UNDER_SYSTEMD: 'true',
    // It starts nothing that would outlive it: the name server is ours, below.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}',
  };
  // In the foreground, as a program of ours: started by the node itself it would outlive it as a daemon.
  const names = await startProgram({
    title: "Erlang's name server",
    command: join(erlangHome(root), erts(root), 'bin', 'epmd'),
    args: ['-port', `${namesPort}`, '-address', '127.0.0.1'],
    env: environment,
  });
  let server: Program | undefined;
  async function stop(): Promise<void> {
    // Nothing of it is kept: an orderly end takes 8 s.
    await server?.kill();
    await names.stop();
    folder.remove();
  }
  try {
    await names.ready(() => portIsOpen(namesPort));
    server = await startProgram({
      title: 'RabbitMQ',
      command: join(home, 'sbin', 'rabbitmq-server'),
      args: [],
      cwd: folder.path,
      env: environment,
    });
    const authorization = `Basic ${Buffer.from(`${adminUser}:${adminPassword}`).toString('base64')}`;
    await server.ready(() =>
      fetch(`${apiUrl}/api/overview`, { headers: { authorization } }).then(
        async (answer) => (await answer.arrayBuffer(), answer.ok),
        () => false,
      ),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: '127.0.0.1', port, apiPort, apiUrl, adminUser, adminPassword, stop };
}

const erlangHome = (root: string): string => join(root, 'usr', 'lib', 'erlang');
const one = (folder: string, begins: string): string =>
  readdirSync(folder).find((name) => name.startsWith(begins)) ?? begins;
const erts = (root: string): string => one(erlangHome(root), 'erts-');

function rabbitHome(root: string): string {
  const folder = join(root, 'usr', 'lib', 'rabbitmq', 'lib');
  return join(folder, one(folder, 'rabbitmq_server-'));
}

/** Debian's own looks for Erlang below `/usr/lib` alone, and there it may not be. */
function erlScript(root: string): string {
  const home = erlangHome(root);
  const bin = join(home, erts(root), 'bin');
  return `#!/bin/sh\nexport ROOTDIR='${home}' BINDIR='${bin}' EMU=beam PROGNAME=erl\nexec '${bin}/erlexec' "$@"\n`;
}
