import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { revokeUntilDead } from '../../activities/revoke-until-dead.ts';
import { planNewVersion } from '../../activities/plan-new-version.ts';
import type { ActivityPorts } from '../../activities/ports.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { postgresRoles } from '../../providers/postgres-roles.ts';
import type { Call } from '../../providers/provider.ts';
import { startPostgresServer } from '../../scripts/servers/postgres-server.ts';
import type { PostgresServer } from '../../scripts/servers/postgres-server.ts';
import { bindProvider } from '../../worker/bind-provider.ts';
import { openChecks } from '../../worker/checks.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { openRig, signal, type Rig } from '../activities/rig.ts';
import { connectAs, freshPlace, isOpen, type Place } from './postgres-kit.ts';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgresServer();
  await asSuperuser('create database app');
});
afterAll(() => server?.stop());

async function asSuperuser(...statements: readonly string[]): Promise<void> {
  const client = await connectAs(server, server.adminUser, server.adminPassword, 'postgres');
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

const call = (): Call => ({
  signal: AbortSignal.timeout(10_000),
  deadline: Date.now() + 10_000,
  now: () => Date.now(),
  random: (bytes) => randomBytes(bytes),
});

/** A ledger and a shelf whose one target is this place. */
async function rigAt(place: Place): Promise<Rig & { readonly ports: ActivityPorts }> {
  const rig = await openRig();
  const provider = bindProvider(postgresRoles(), {
    ...place.target,
    name: 'target',
    installation: await rig.ledger.installation(),
  });
  return { ...rig, ports: { ...rig.ports, provider: async () => provider } };
}

describe('a login that works already', () => {
  test('is handed over by an import, which writes the mark; the pair then rotates, and the login can be killed', async () => {
    const place = await freshPlace(server, server.port);
    const [name = ''] = place.target.settings.pair ?? [];
    const password = randomBytes(24).toString('base64url');
    await asSuperuser(
      `alter role ${name} login password '${password}'`,
      `grant ${place.target.settings.group} to ${name}`,
    );
    const rig = await rigAt(place);
    try {
      const provider = await rig.ports.provider('target');
      const planning = async () => planNewVersion(rig.ports, await rig.facts(), provider, false, signal());
      await expect(planning()).rejects.toMatchObject({ code: 'CONFLICT' });

      const material = new SecretMaterial({ username: name, password }, 'password');
      const { version } = await openSupplies(rig.ports).import({
        credential: rig.id,
        material,
        refId: name,
        cannotRevoke: false,
        actor: 'os:test',
      });
      const mark = `${await rig.ledger.installation()}:${version}`;
      expect(await provider.list(call())).toMatchObject([{ ref: { id: name, mark }, disabled: false }]);
      expect((await rig.only('current')).refs).toMatchObject([{ ref: { id: name, mark } }]);
      await planning();
      expect((await rig.only('pending')).baseline?.place).toBe(place.target.settings.pair?.[1]);

      const session = await connectAs(server, name, password);
      await rig.ledger.declareIncident({ incident: 'leak', versions: [version], who: 'test', why: 'test' });
      expect(await revokeUntilDead(rig.ports, rig.effect(version), signal())).toMatchObject({ kind: 'done' });
      expect(await isOpen(session)).toBe(false);
      await expect(connectAs(server, name, password)).rejects.toMatchObject({ code: expect.stringMatching(/^28/) });
    } finally {
      await rig.close();
    }
  });

  test('is not handed over with a wrong password, and keeps working', async () => {
    const place = await freshPlace(server, server.port);
    const [name = ''] = place.target.settings.pair ?? [];
    const password = randomBytes(24).toString('base64url');
    await asSuperuser(
      `alter role ${name} login password '${password}'`,
      `grant ${place.target.settings.group} to ${name}`,
    );
    const rig = await rigAt(place);
    try {
      const material = new SecretMaterial({ username: name, password: 'kbcanarywrong' }, 'password');
      const wrong = { credential: rig.id, material, refId: name, cannotRevoke: false, actor: 'os:test' };
      await expect(openSupplies(rig.ports).import(wrong)).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
      expect((await rig.facts()).versions).toEqual([]);
      await (await connectAs(server, name, password)).end();
    } finally {
      await rig.close();
    }
  });
});

describe('what the admin may do beyond what is needed', () => {
  const excess = async (place: Place) => postgresRoles().excess?.(place.target, call());

  test.each(['pair', 'per-version'] as const)('is nothing with the documented permissions (%s)', async (mode) => {
    expect(await excess(await freshPlace(server, server.port, mode))).toEqual([]);
  });

  test('is named: rights of its own, and roles it is a member of', async () => {
    const place = await freshPlace(server, server.port);
    const { username } = place.admin;
    await asSuperuser(`alter role ${username} createdb bypassrls`, `grant pg_read_all_data to ${username}`);
    expect(await excess(place)).toEqual([
      'it may create databases',
      'it passes by row-level security',
      'it is a member of pg_read_all_data',
    ]);
    await asSuperuser(`alter role ${username} superuser`);
    expect(await excess(place)).toEqual(['it is a superuser']);
  });

  test('is told by doctor as a warning', async () => {
    const place = await freshPlace(server, server.port);
    await asSuperuser(`alter role ${place.admin.username} replication`);
    const rig = await rigAt(place);
    try {
      const checks = openChecks({
        ports: rig.ports,
        adapters: rig.adapters,
        rotations: { ping: async () => 1 },
        pollers: async () => [],
        killSheet: rig.killSheet,
      });
      const found = (await checks.doctor()).filter(({ subject }) => subject === 'target target');
      expect(found).toMatchObject([
        { verdict: 'ok' },
        { verdict: 'warning', text: expect.stringContaining('replication') },
      ]);
    } finally {
      await rig.close();
    }
  });
});
