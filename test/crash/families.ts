import { Client } from 'pg';
import { join } from 'node:path';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { digestOf, standingKeys, type WorldKey } from '../../providers/in-memory/world.ts';
import { startPostgresServer } from '../../scripts/servers/postgres-server.ts';
import { startFake } from '../fakes/start.ts';

/** A kind of provider under crashes: how its targets look, and what an outsider sees live there. */
export interface Family {
  readonly name: string;
  /** One target for one credential. */
  target(
    credential: string,
    folder: string,
  ): Promise<{ readonly provider: string; readonly settings: unknown; readonly admin: string }>;
  /** Ids of versions that can log in or are listed as live, seen at the provider itself. */
  live(credential: string, folder: string): Promise<readonly string[]>;
  /** The provider takes this value: asked where that costs no call of an API. */
  accepts?(credential: string, folder: string, value: string): Promise<boolean>;
  readonly environment: Readonly<Record<string, string>>;
  /** Its credentials keep a spare version: the second rotation promotes it and makes the next. */
  readonly standby?: boolean;
  stop(): Promise<void>;
}

export function inMemoryFamily(provider: 'in-memory' | 'in-memory-slots'): Family {
  const worldFolder = (credential: string, folder: string): string => join(folder, `world-${credential}`);
  function keysOf(credential: string, folder: string): readonly WorldKey[] {
    const world = sharedWorld(worldFolder(credential, folder));
    const keys = standingKeys(world, Date.now()).filter((key) => !key.disabled);
    world.close();
    return keys;
  }
  return {
    name: provider,
    environment: { IN_MEMORY_ADMIN: 'admin' },
    target: async (credential, folder) => ({
      provider,
      settings: { folder: worldFolder(credential, folder) },
      admin: 'env:IN_MEMORY_ADMIN',
    }),
    live: async (credential, folder) => keysOf(credential, folder).map((key) => key.tag?.split(':')[1] ?? key.id),
    accepts: async (credential, folder, value) =>
      keysOf(credential, folder).some(({ digest }) => digest === digestOf(value)),
    stop: async () => undefined,
  };
}

export const standbyFamily = (): Family => ({
  ...inMemoryFamily('in-memory'),
  name: 'in-memory-standby',
  standby: true,
});

export async function openAiFamily(): Promise<Family> {
  const fake = await startFake('openai');
  const project = (credential: string): string => `proj_${credential}`;
  return {
    name: 'openai',
    environment: { OPENAI_ADMIN: fake.adminKey },
    target: async (credential) => ({
      provider: 'openai',
      settings: {
        project: project(credential),
        baseUrl: fake.url,
        createSpread: 0,
        revokeSpread: 0,
        lateCreate: 0,
        usageLag: 0,
        callTimeout: 5_000,
      },
      admin: 'env:OPENAI_ADMIN',
    }),
    live: async (credential) => {
      // The fake's own control port says what lives, whatever the vendor's API would show.
      const keys = (await fake.control('GET', '/keys')) as readonly FakeKey[];
      return keys
        .filter((key) => key.live && key.project === project(credential))
        .map((key) => /kb[a-z0-9]{30}/.exec(key.name)?.[0] ?? key.name);
    },
    stop: () => fake.stop(),
  };
}

interface FakeKey {
  readonly name: string;
  readonly live: boolean;
  readonly project: string;
}

export async function postgresFamily(): Promise<Family> {
  const server = await startPostgresServer();
  const admin = { host: server.host, port: server.port, user: server.adminUser, password: server.adminPassword };
  const query = async (text: string): Promise<readonly Record<string, unknown>[]> => {
    const client = new Client({ ...admin, database: 'postgres' });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  };
  return {
    name: 'postgres-roles',
    environment: { POSTGRES_ADMIN: JSON.stringify({ username: server.adminUser, password: server.adminPassword }) },
    target: async (credential) => {
      const group = `g_${credential.replaceAll('-', '_')}`;
      await query(
        `create role ${group} nologin; create role ${group}_a nologin in role ${group}; create role ${group}_b nologin in role ${group}`,
      );
      return {
        provider: 'postgres-roles',
        settings: {
          host: server.host,
          port: server.port,
          database: 'postgres',
          group,
          pair: [`${group}_a`, `${group}_b`],
          tls: 'off',
          callTimeout: 5_000,
        },
        admin: 'env:POSTGRES_ADMIN',
      };
    },
    live: async (credential) => {
      const group = `g_${credential.replaceAll('-', '_')}`;
      const rows = await query(
        `select shobj_description(oid, 'pg_authid') as mark from pg_roles where rolname in ('${group}_a', '${group}_b') and rolcanlogin`,
      );
      return rows.map((row) => /kb[a-z0-9]{30}/.exec(String(row['mark']))?.[0] ?? 'unmarked');
    },
    stop: () => server.stop(),
  };
}
