import { afterAll, beforeAll, describe, test } from 'vitest';
import { providerSuite } from '../../conformance/index.ts';
import type { ProviderSuiteOptions } from '../../conformance/index.ts';
import { postgresRoles } from '../../providers/postgres-roles.ts';
import { postgresRolesSettings } from '../../providers/postgres-roles/settings.ts';
import type { PostgresRolesSettings, PostgresTarget } from '../../providers/postgres-roles/settings.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { startPostgresServer } from '../../scripts/servers/postgres-server.ts';
import type { PostgresServer } from '../../scripts/servers/postgres-server.ts';
import { connectAs, freshPlace, isOpen, startProxy, startSilence } from './postgres-kit.ts';
import type { Proxy } from './postgres-kit.ts';

let server: PostgresServer;
let proxy: Proxy;
let silence: Awaited<ReturnType<typeof startSilence>>;
let nobody: number;

beforeAll(async () => {
  [server, silence, nobody] = await Promise.all([startPostgresServer(), startSilence(), freePort()]);
  proxy = await startProxy(server);
  const superuser = await connectAs(server, server.adminUser, server.adminPassword, 'postgres');
  await superuser.query('create database app');
  await superuser.query('revoke connect on database app from public');
  await superuser.end();
});

afterAll(async () => {
  await Promise.all([proxy?.close(), silence?.close()]);
  await server?.stop();
});

const at = (target: PostgresTarget, port: number): PostgresTarget => ({
  ...target,
  settings: { ...target.settings, port },
});
const shape = { host: '127.0.0.1', database: 'app', group: 'bot' };

function kit(mode: 'pair' | 'per-version'): ProviderSuiteOptions<PostgresRolesSettings> {
  return {
    create: postgresRoles,
    settings: postgresRolesSettings.parse({ ...shape, ...(mode === 'pair' ? { pair: ['a', 'b'] } : { roles: mode }) }),
    target: async () => (await freshPlace(server, proxy.port, mode)).target,
    unreachable: (target) => at(target, nobody),
    silent: (target) => at(target, silence.port),
    loseAnswer: () => proxy.loseNextCommit(),
    async supply(target) {
      // What a newcomer has: a login that works and that keybaton did not make.
      const version = 'kb' + 'a'.repeat(30);
      const superuser = await connectAs(server, server.adminUser, server.adminPassword, 'postgres');
      const name = target.settings.pair?.[0] ?? `${target.settings.group}_legacy`;
      const generated = postgresRoles().generate?.(target, {
        version: version as never,
        place: name,
        random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      });
      if (generated === undefined) throw new Error('postgres-roles generates');
      if (target.settings.pair === undefined) {
        await superuser.query(`create role ${name}`);
        await superuser.query(
          `grant ${name} to ${(await target.admin()).reveal()['username']} with admin true, inherit false, set false`,
        );
      }
      await superuser.query(`alter role ${name} with login password '${generated.material.revealValue()}'`);
      await superuser.query(`grant ${target.settings.group} to ${name}`);
      await superuser.end();
      return generated.material;
    },
    async use(_target, material) {
      const { username = '', password = '' } = material.reveal();
      const client = await connectAs(server, username, password);
      return { isOpen: () => isOpen(client) };
    },
    ...(mode === 'pair' && {
      async eraseMark(_target: PostgresTarget, ref: { readonly id: string }) {
        const superuser = await connectAs(server, server.adminUser, server.adminPassword, 'postgres');
        await superuser.query(`comment on role ${ref.id} is null`);
        await superuser.end();
      },
    }),
  };
}

for (const mode of ['pair', 'per-version'] as const) {
  describe(`provider contract: postgres-roles, ${mode}`, () => {
    for (const one of providerSuite(kit(mode))) test(one.name, () => one.run());
  });
}
