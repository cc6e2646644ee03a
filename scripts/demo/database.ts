import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { PostgresServer } from '../servers/postgres-server.ts';

/** The application's database with its two logins, made by plain SQL as docs/providers/postgres-roles.md says. */
export interface Database {
  readonly name: string;
  readonly port: number;
  readonly admin: { readonly username: string; readonly password: string };
  /** Runs SQL as the database's own administrator, who is not keybaton. */
  sql<Row>(text: string): Promise<readonly Row[]>;
  /** Both logins as the server knows them. */
  logins(): Promise<readonly Login[]>;
  /** Asks with a raw client: does the server let this login in? Any other trouble is thrown. */
  letsIn(username: string, password: string): Promise<boolean>;
}

export interface Login {
  readonly name: string;
  readonly canLogIn: boolean;
  readonly mark: string | null;
}

export const logins = ['shop_a', 'shop_b'] as const;

/** Both orders and reports belong to the group; reports are read through a role of their own, granted to each login. */
const setUp = (password: string): readonly string[] => [
  'create role shop nologin',
  'create role reporting nologin',
  'create role shop_a nologin',
  'create role shop_b nologin',
  'grant reporting to shop_a, shop_b',
  `create role keybaton_admin login createrole password '${password}'`,
  'grant shop, shop_a, shop_b to keybaton_admin with admin true, inherit false, set false',
  'grant pg_signal_backend to keybaton_admin',
];
const tables = [
  'create table orders (id int primary key, item text not null)',
  `insert into orders select n, 'item ' || n from generate_series(1, 500) as n`,
  'alter table orders owner to shop',
  'create table sales (day int primary key, total int not null)',
  'insert into sales select n, n * 17 from generate_series(1, 90) as n',
  'grant select on sales to reporting',
];

export async function prepareDatabase(server: PostgresServer): Promise<Database> {
  const name = 'shop';
  const admin = { username: 'keybaton_admin', password: randomBytes(24).toString('base64url') };
  const connectTo = async (options: { user: string; password: string; database: string }): Promise<Client> => {
    const client = new Client({ host: server.host, port: server.port, connectionTimeoutMillis: 20_000, ...options });
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    return client;
  };
  const asOwner = async <Row>(database: string, texts: readonly string[]): Promise<readonly Row[]> => {
    const client = await connectTo({ user: server.adminUser, password: server.adminPassword, database });
    try {
      let rows: Row[] = [];
      // The statement decides the shape of its rows; each caller names what it selected.
      for (const text of texts) rows = (await client.query(text)).rows as Row[];
      return rows;
    } finally {
      await client.end();
    }
  };
  // The set-up names a password: it is kept out of the server's log, which the search reads.
  await asOwner('postgres', ["set log_statement = 'none'", ...setUp(admin.password)]);
  await asOwner('postgres', [`create database ${name}`]);
  await asOwner(name, tables);

  return {
    name,
    port: server.port,
    admin,
    sql: (text) => asOwner(name, [text]),
    logins: () =>
      asOwner<Login>(name, [
        `select rolname as name, rolcanlogin as "canLogIn", shobj_description(oid, 'pg_authid') as mark
         from pg_roles where rolname in ('shop_a', 'shop_b') order by rolname`,
      ]),
    async letsIn(username, password) {
      try {
        const client = await connectTo({ user: username, password, database: name });
        await client.end();
        return true;
      } catch (error) {
        const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
        if (code === '28P01' || code === '28000') return false;
        throw error;
      }
    },
  };
}
