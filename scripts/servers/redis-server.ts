import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { onFreePort } from './free-port.ts';
import { startProgram } from './program.ts';
import type { Program } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { debianServer } from './tools.ts';

export interface RedisServer {
  readonly host: string;
  readonly port: number;
  /** The one who may do everything; `default` is switched off. */
  readonly adminUser: string;
  readonly adminPassword: string;
  /** Where users are saved, or undefined: the server was started without. */
  readonly aclFile: string | undefined;
  readonly stop: () => Promise<void>;
  /** Stops it and starts it again on the same port. */
  readonly restart: () => Promise<void>;
}

/** A real Redis, empty, on 127.0.0.1, that keeps its users in a file unless told not to. Resolves when it answers. */
export async function startRedisServer(options: { readonly aclFile?: false } = {}): Promise<RedisServer> {
  return onFreePort((port) => startOn(port, options));
}

async function startOn(port: number, options: { readonly aclFile?: false }): Promise<RedisServer> {
  const { path, env } = debianServer('redis-server');
  const folder = temporaryFolder('redis');
  const adminUser = 'root';
  const adminPassword = randomBytes(18).toString('base64url');
  const users = [`user default off`, `user ${adminUser} on >${adminPassword} ~* &* +@all`];
  const file = join(folder.path, 'users.acl');
  const configuration = join(folder.path, 'redis.conf');
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${folder.path}`,
    "save ''",
    'appendonly no',
    ...(options.aclFile === false ? users : [`aclfile ${file}`]),
  ];
  writeFileSync(file, `${users.join('\n')}\n`, { mode: 0o600 });
  writeFileSync(configuration, `${lines.join('\n')}\n`, { mode: 0o600 });

  const start = (): Promise<Program> =>
    startProgram({ title: 'Redis', command: path, args: [configuration], cwd: folder.path, env });
  let server = await start();
  const ready = (): Promise<void> => server.ready(() => answers(port));

  async function stop(): Promise<void> {
    await server.stop();
    folder.remove();
  }
  try {
    await ready();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host: '127.0.0.1',
    port,
    adminUser,
    adminPassword,
    aclFile: options.aclFile === false ? undefined : file,
    stop,
    async restart() {
      await server.stop();
      server = await start();
      await ready();
    },
  };
}

/** Nobody is logged in: an honest server says so. */
function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const end = (answer: boolean): void => {
      socket.destroy();
      done(answer);
    };
    socket.once('data', (bytes) => end(bytes.toString('latin1').startsWith('-NOAUTH')));
    socket.once('error', () => end(false));
  });
}
