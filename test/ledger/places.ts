import { randomBytes } from 'node:crypto';
import SqliteDatabase from 'better-sqlite3';
import pg from 'pg';
import { startPostgresServer } from '../../scripts/servers/postgres-server.ts';
import type { PostgresServer } from '../../scripts/servers/postgres-server.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';

/** Where ledgers of one kind can lie. */
export interface Place {
  readonly dialect: 'sqlite' | 'postgres';
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The URL of a ledger that does not exist yet. */
  fresh(): Promise<string>;
  /** Runs SQL past the ledger's back. */
  behind(url: string, statement: string): Promise<readonly Record<string, unknown>[]>;
}

export function sqlitePlace(): Place {
  let folder: ReturnType<typeof temporaryFolder> | undefined;
  return {
    dialect: 'sqlite',
    async start() {
      folder = temporaryFolder('ledger');
    },
    async stop() {
      folder?.remove();
    },
    async fresh() {
      return `sqlite:${folder?.path ?? ''}/${name()}/ledger.db`;
    },
    async behind(url, statement) {
      const database = new SqliteDatabase(filePath(url));
      try {
        const prepared = database.prepare<[], Record<string, unknown>>(statement);
        if (prepared.reader) return prepared.all();
        prepared.run();
        return [];
      } finally {
        database.close();
      }
    },
  };
}

export function postgresPlace(): Place {
  let server: PostgresServer | undefined;
  const adminUrl = (): string => server?.adminUrl ?? '';
  return {
    dialect: 'postgres',
    async start() {
      // What a crash of the server itself would lose is not asked here.
      server = await startPostgresServer({
        settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
      });
    },
    async stop() {
      await server?.stop();
    },
    async fresh() {
      const schema = name();
      await query(adminUrl(), `create schema ${schema}`);
      return `${adminUrl()}?options=-c%20search_path%3D${schema}`;
    },
    behind: query,
  };
}

export const filePath = (url: string): string => url.replace(/^sqlite:/, '');

async function query(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const answer = await client.query<Record<string, unknown>>(statement);
    return answer.rows;
  } finally {
    await client.end();
  }
}

const name = (): string => `l${randomBytes(8).toString('hex')}`;
