import { startVault } from '../crash-matrix/vault.ts';
import type { PostgresServer } from '../servers/postgres-server.ts';
import type { Closing } from './stage.ts';

/** OpenBao's database secrets engine over logins of a PostgreSQL server, each a static role. */
export interface StaticRoles {
  readonly pid: number;
  /** One call of `database/rotate-role`: another password for the login, in place. */
  rotate(role: string): Promise<void>;
  /** What OpenBao gives out for it now. */
  read(role: string): Promise<{ readonly username: string; readonly password: string }>;
}

/** OpenBao keeps what it has on disk (raft), and sends PostgreSQL verifiers instead of passwords, as keybaton does. */
export async function openStaticRoles(
  close: Closing,
  { server, roles, logFile }: { readonly server: PostgresServer; readonly roles: readonly string[]; logFile: string },
): Promise<StaticRoles> {
  const openbao = await startVault(logFile);
  close.add(() => openbao.stop());
  async function ask(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${openbao.port}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': openbao.token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} at OpenBao answered ${answer.status}`);
    return text === '' ? undefined : JSON.parse(text);
  }
  await ask('POST', 'sys/mounts/database', { type: 'database' });
  await ask('POST', 'database/config/bench', {
    plugin_name: 'postgresql-database-plugin',
    allowed_roles: '*',
    connection_url: `postgres://{{username}}:{{password}}@${server.host}:${server.port}/postgres?sslmode=disable`,
    username: server.adminUser,
    password: server.adminPassword,
    password_authentication: 'scram-sha-256',
    // Its own limit is four: nobody shall wait for a connection here.
    max_open_connections: Math.max(4, roles.length),
    max_idle_connections: Math.max(4, roles.length),
  });
  for (const username of roles)
    await ask('POST', `database/static-roles/${username}`, { db_name: 'bench', username, rotation_period: '90d' });
  return {
    pid: openbao.pid(),
    rotate: async (role) => void (await ask('POST', `database/rotate-role/${role}`)),
    async read(role) {
      // The shape in which OpenBao answers it.
      const answer = (await ask('GET', `database/static-creds/${role}`)) as {
        readonly data: { readonly username: string; readonly password: string };
      };
      return answer.data;
    },
  };
}
