import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { createConnection } from 'mariadb';
import type { Connection } from 'mariadb';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { mariadbSettings } from '../../providers/mariadb/settings.ts';
import type { MariadbTarget } from '../../providers/mariadb/settings.ts';
import type { MariadbServer } from '../../scripts/servers/mariadb-server.ts';

/** Opens a connection that survives being ended by the server. */
export async function loginAs(
  server: { readonly port: number },
  { username = '', password = '' }: Readonly<Record<string, string>>,
  database?: string,
): Promise<Connection> {
  const place = { host: '127.0.0.1', port: server.port, bigIntAsNumber: true };
  const connection = await createConnection({ ...place, user: username, password, ...(database && { database }) });
  connection.on('error', () => {});
  return connection;
}

export const asRoot = (server: MariadbServer): Promise<Connection> =>
  loginAs(server, { username: server.adminUser, password: server.adminPassword });

export async function isOpen(connection: Connection): Promise<boolean> {
  if (!connection.isValid()) return false;
  return connection.query('select 1').then(
    () => true,
    () => false,
  );
}

export type Mode = 'privileges' | 'role';

/** The statements of the documentation's Permissions section, for other names: what is documented is what is tested. */
function documentedGrants(names: Readonly<Record<string, string>>, mode: Mode): readonly string[] {
  const page = readFileSync(new URL('../../docs/providers/mariadb.md', import.meta.url), 'utf8');
  const [first = '', role = ''] = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  const all = mode === 'role' ? first.replace(/^.* with grant option;\n/m, '') + role : first;
  const renamed = Object.entries(names).reduce(
    (text, [from, to]) => text.replaceAll(new RegExp(`\\b${from}\\b`, 'g'), to),
    all.replace(' require ssl', ''),
  );
  return renamed.split(';\n').filter((statement) => statement.trim() !== '');
}

let places = 0;

/** A fresh database, an admin of its own with exactly the documented rights, and an installation that nobody else has. */
export async function freshPlace(
  server: MariadbServer,
  port = server.port,
  mode: Mode = 'privileges',
): Promise<MariadbTarget> {
  places += 1;
  const names = {
    keybaton_admin: `admin${places}`,
    support: `app_${places}`,
    support_bot: `bot${places}`,
    'choose one': randomBytes(24).toString('base64url'),
  };
  const root = await asRoot(server);
  await root.query(`create database ${names.support}`);
  await root.query(`create table ${names.support}.notes (note text)`);
  await root.query(`create role ${names.support_bot}`);
  await root.query(`grant select, insert on \`${names.support.replace('_', '\\_')}\`.* to ${names.support_bot}`);
  for (const statement of documentedGrants(names, mode)) await root.query(statement);
  await root.end();
  const admin = { username: names.keybaton_admin, password: names['choose one'] };
  return {
    name: 'bot-database',
    environment: 'test',
    installation: `kit${places}`.padEnd(5, 'x'),
    settings: mariadbSettings.parse({
      host: '127.0.0.1',
      port,
      database: names.support,
      ...(mode === 'role' ? { role: names.support_bot } : { privileges: ['SELECT', 'INSERT'] }),
      tls: 'off',
    }),
    admin: async () => new SecretMaterial(admin, 'password'),
  };
}

export interface Proxy {
  readonly port: number;
  /** The answer to the next statement that has this text is swallowed, and its connection cut. */
  loseAnswerTo(text: string): void;
  close(): Promise<void>;
}

/** Passes everything on to the server, until it is told to lose an answer. */
export async function startProxy(server: { readonly port: number }): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let wanted: string | undefined;
  const listener = createServer((client) => {
    const upstream = connect(server.port, '127.0.0.1');
    let losing = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => {
      if (wanted !== undefined && bytes.includes(wanted)) {
        losing = true;
        wanted = undefined;
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => void (losing ? client.destroy() : client.write(bytes)));
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    loseAnswerTo: (text) => void (wanted = text),
    async close() {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((done) => listener.close(done));
    },
  };
}
