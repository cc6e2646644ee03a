import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import type { Socket } from 'node:net';
import { Client } from 'pg';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { postgresRolesSettings } from '../../providers/postgres-roles/settings.ts';
import type { PostgresTarget } from '../../providers/postgres-roles/settings.ts';
import type { PostgresServer } from '../../scripts/servers/postgres-server.ts';

/** Opens a connection that survives being ended by the server. */
export async function connectAs(
  server: { readonly port: number },
  user: string,
  password: string,
  database = 'app',
): Promise<Client> {
  const client = new Client({ host: '127.0.0.1', port: server.port, user, password, database });
  client.on('error', () => {});
  await client.connect();
  return client;
}

export async function isOpen(client: Client): Promise<boolean> {
  return client.query('select 1').then(
    () => true,
    () => false,
  );
}

/** The statements of the documentation's Permissions section, for other names: what is documented is what is tested. */
export function documentedGrants(names: Readonly<Record<string, string>>, perVersion: boolean): readonly string[] {
  const page = readFileSync(new URL('../../docs/providers/postgres-roles.md', import.meta.url), 'utf8');
  const block = /## Permissions[\s\S]*?```sql\n([\s\S]*?)```/.exec(page)?.[1];
  if (block === undefined) throw new Error('the page has no statements under Permissions');
  const own = perVersion
    ? block.replace(/^create role support_bot_[ab].*\n/gm, '').replace(', support_bot_a, support_bot_b', '')
    : block;
  const renamed = Object.entries(names).reduce(
    (text, [from, to]) => text.replaceAll(new RegExp(`\\b${from}\\b`, 'g'), to),
    own,
  );
  return renamed.split(';\n').filter((statement) => statement.trim() !== '');
}

export interface Place {
  readonly target: PostgresTarget;
  readonly admin: { readonly username: string; readonly password: string };
}

let places = 0;

/** A fresh group, with its pair where asked, and an admin of its own with exactly the documented rights. */
export async function freshPlace(
  server: PostgresServer,
  port: number,
  mode: 'pair' | 'per-version' = 'pair',
): Promise<Place> {
  places += 1;
  const names = {
    support_bot_a: `bot${places}_a`,
    support_bot_b: `bot${places}_b`,
    support_bot: `bot${places}`,
    keybaton_admin: `admin${places}`,
  };
  const password = randomBytes(24).toString('base64url');
  const superuser = await connectAs(server, server.adminUser, server.adminPassword, 'postgres');
  for (const statement of documentedGrants({ ...names, 'choose one': password }, mode === 'per-version'))
    await superuser.query(statement);
  await superuser.query(`grant connect on database app to ${names.support_bot}`);
  await superuser.end();
  const settings = postgresRolesSettings.parse({
    host: '127.0.0.1',
    port,
    database: 'app',
    group: names.support_bot,
    ...(mode === 'pair' ? { pair: [names.support_bot_a, names.support_bot_b] } : { roles: 'per-version' }),
    tls: 'off',
  });
  const admin = { username: names.keybaton_admin, password };
  return {
    admin,
    target: {
      name: 'bot-database',
      environment: 'test',
      installation: 'kit1',
      settings,
      admin: async () => new SecretMaterial(admin, 'password'),
    },
  };
}

export interface Proxy {
  readonly port: number;
  /** The next answer to a COMMIT, after so many that pass, is swallowed and its connection cut. */
  loseNextCommit(after?: number): void;
  /** Holds every COMMIT back until it is released. `orphaned`: their connections to the server stay when the client hangs up, as a stopped process's do. */
  holdCommits(how?: 'orphaned'): { readonly seen: () => number; readonly release: () => void };
  close(): Promise<void>;
}

/** Passes everything on to the server, until it is told to lose an answer. */
export async function startProxy(server: { readonly port: number }): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let lose: number | undefined;
  let hold: { seen: number; orphaned: boolean; waiting: (() => void)[] } | undefined;
  const listener = createServer((client) => {
    const upstream = connect(server.port, '127.0.0.1');
    let losing = false;
    let orphaned = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        if (!orphaned || socket === upstream) upstream.destroy();
      });
    }
    client.on('data', (bytes) => {
      const commits = bytes.includes(';\ncommit');
      if (commits && lose !== undefined) {
        losing = lose === 0;
        lose = losing ? undefined : lose - 1;
      }
      if (hold !== undefined && commits) {
        hold.seen += 1;
        orphaned = hold.orphaned;
        hold.waiting.push(() => upstream.write(bytes));
      } else upstream.write(bytes);
    });
    upstream.on('data', (bytes) => void (losing ? client.destroy() : client.write(bytes)));
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    loseNextCommit: (after = 0) => void (lose = after),
    holdCommits(how) {
      const held = { seen: 0, orphaned: how === 'orphaned', waiting: [] as (() => void)[] };
      hold = held;
      return {
        seen: () => held.seen,
        release() {
          hold = undefined;
          held.waiting.forEach((send) => send());
        },
      };
    },
    async close() {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((done) => listener.close(done));
    },
  };
}

/** Takes every connection and never says a word. */
export async function startSilence(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    async close() {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((done) => listener.close(done));
    },
  };
}
