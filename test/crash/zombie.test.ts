import { Client } from 'pg';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CredentialId } from '../../domain/identifiers.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import { inMemoryFamily, postgresFamily, type Family } from './families.ts';
import { openZombieLane, type ArmedCall, type ZombieLane } from './zombie-lane.ts';

/**
 * A worker is frozen between the intent and the call, a second one takes over and finishes, the first one goes on: what
 * it then sends changes nothing, judged at the provider and in the vault (protocol 1, 3 and 4). All cells freeze in one
 * moment, so that they wait together.
 */
interface Cell extends ArmedCall {
  readonly family: 'in-memory' | 'in-memory-slots' | 'postgres-roles';
  /** What happens to the credential before the first worker wakes. */
  readonly meanwhile: 'taken over' | 'rolled back' | 'slot used again';
  /** How the frozen call ends. */
  readonly ends: string;
}

const cells: readonly Cell[] = [
  {
    name: 'late-mint',
    family: 'in-memory',
    operation: 'issue',
    inTime: false,
    meanwhile: 'taken over',
    ends: 'UNAVAILABLE',
  },
  {
    name: 'late-slot',
    family: 'postgres-roles',
    operation: 'issue',
    inTime: false,
    meanwhile: 'taken over',
    ends: 'UNAVAILABLE',
  },
  {
    name: 'slot-issue',
    family: 'in-memory-slots',
    operation: 'issue',
    inTime: true,
    meanwhile: 'slot used again',
    ends: 'CONFLICT',
  },
  {
    name: 'role-issue',
    family: 'postgres-roles',
    operation: 'issue',
    inTime: true,
    meanwhile: 'slot used again',
    ends: 'CONFLICT',
  },
  {
    name: 'slot-revoke',
    family: 'in-memory-slots',
    operation: 'revoke',
    inTime: true,
    meanwhile: 'slot used again',
    ends: 'done',
  },
  {
    name: 'role-revoke',
    family: 'postgres-roles',
    operation: 'revoke',
    inTime: true,
    meanwhile: 'slot used again',
    ends: 'done',
  },
  {
    name: 'late-promote',
    family: 'in-memory',
    operation: 'promote',
    inTime: false,
    meanwhile: 'rolled back',
    ends: 'UNAVAILABLE',
  },
  {
    name: 'old-promote',
    family: 'in-memory',
    operation: 'promote',
    inTime: true,
    meanwhile: 'rolled back',
    ends: 'CONFLICT',
  },
  {
    name: 'role-promote',
    family: 'postgres-roles',
    operation: 'promote',
    inTime: true,
    meanwhile: 'rolled back',
    ends: 'CONFLICT',
  },
];

describe('a worker that was frozen', () => {
  let server: TemporalServer;
  let families: ReadonlyMap<string, Family>;
  let lane: ZombieLane;
  const ids = new Map<string, CredentialId>();
  const before = new Map<string, unknown>();
  const after = new Map<string, unknown>();
  let woke: ReadonlyMap<string, string>;

  beforeAll(async () => {
    server = await startTemporalServer();
    const all = [inMemoryFamily('in-memory'), inMemoryFamily('in-memory-slots'), await postgresFamily()];
    families = new Map(all.map((family) => [family.name, family]));
    lane = await openZombieLane(server, all);
    for (const cell of cells) ids.set(cell.name, await lane.credential(familyOf(cell), cell.name));
    await rotateAll(cells);

    await Promise.all([...ids.values()].map((id) => lane.rotate(id)));
    await lane.freeze(cells.map(({ name, operation, inTime }) => ({ name, operation, inTime })));
    for (const { name } of cells.filter((cell) => cell.meanwhile === 'rolled back')) {
      const id = idOf(name);
      const version = (await lane.ledger.facts(id)).epochs[1]?.version;
      if (version === undefined) throw new Error('there is no version to go back to');
      await lane.ledger.request({ kind: 'rollBack', credential: id, version, who: 'test', why: 'test' });
    }
    await lane.startSecond();
    await Promise.all([...ids.values()].map((id) => lane.result(id)));
    const again = cells.filter((cell) => cell.meanwhile === 'slot used again');
    await rotateAll(again);
    await rotateAll(again.filter((cell) => cell.operation === 'issue'));

    for (const cell of cells) before.set(cell.name, await standing(cell));
    woke = await lane.wakeFirst();
    for (const cell of cells) after.set(cell.name, await standing(cell));
  }, 180_000);
  afterAll(async () => {
    await lane.close();
    await Promise.all([...families.values()].map((family) => family.stop()));
    await server.stop();
  }, 60_000);

  it.each(cells)(
    'in $operation at $family changes nothing when it goes on after it was $meanwhile (deadline kept: not $inTime)',
    async ({ name, ends, meanwhile, family }) => {
      expect(woke.get(name)).toBe(ends);
      expect(after.get(name)).toEqual(before.get(name));
      const { epochs, versions, openRun } = await lane.ledger.facts(idOf(name));
      const current = epochs[0]?.version;
      expect(lane.shown(name).version).toBe(current);
      expect(await families.get(family)?.live(name, lane.folder)).toEqual([current]);
      expect(versions.filter((one) => one.id !== current).map((one) => one.fate)).not.toContain('doomed');
      expect(epochs[0]?.why === 'roll-back').toBe(meanwhile === 'rolled back');
      expect(openRun).toBeUndefined();
    },
  );

  it('leaves a ledger whose projections equal a rebuild from events', async () => {
    const dump = await lane.ledger.dump();
    await lane.ledger.rebuild();
    expect(await lane.ledger.dump()).toEqual(dump);
    expect((await lane.ledger.verifyChain()).broken).toEqual([]);
  });

  const idOf = (name: string): CredentialId => {
    const id = ids.get(name);
    if (id === undefined) throw new Error(`no credential ${name}`);
    return id;
  };
  function familyOf(cell: Cell): Family {
    const family = families.get(cell.family);
    if (family === undefined) throw new Error(`no family ${cell.family}`);
    return family;
  }
  async function rotateAll(some: readonly Cell[]): Promise<void> {
    await Promise.all(some.map(({ name }) => lane.rotate(idOf(name))));
    await Promise.all(some.map(({ name }) => lane.result(idOf(name))));
  }

  /** Everything that a late call could change, at the provider and in the vault. */
  async function standing(cell: Cell): Promise<unknown> {
    return { vault: lane.shown(cell.name), provider: await providerState(cell) };
  }

  async function providerState(cell: Cell): Promise<unknown> {
    if (cell.family !== 'postgres-roles') {
      const world = sharedWorld(join(lane.folder, `world-${cell.name}`));
      // Looking at a key counts as a use of it.
      const keys = world.change((state) => state.keys.map((key) => ({ ...key, uses: [], useCount: 0 })));
      world.close();
      return keys;
    }
    const { settings, admin } = await roleSettings(cell);
    const client = new Client({ ...settings, ...admin });
    await client.connect();
    const group = `g_${cell.name.replaceAll('-', '_')}`;
    const { rows } = await client.query<Record<string, unknown>>(
      `select rolname, rolcanlogin, rolpassword, shobj_description(oid, 'pg_authid') as mark
       from pg_authid where rolname in ($1, $2) order by 1`,
      [`${group}_a`, `${group}_b`],
    );
    await client.end();
    return rows;
  }

  async function roleSettings(cell: Cell) {
    const admin = JSON.parse(familyOf(cell).environment['POSTGRES_ADMIN'] ?? '') as Record<string, string>;
    const { targets } = (await lane.ledger.inventory()).targets as {
      readonly targets: Readonly<
        Record<string, { readonly settings: { readonly host: string; readonly port: number } }>
      >;
    };
    const { host, port } = targets[cell.name]?.settings ?? {};
    if (host === undefined || port === undefined) throw new Error(`no settings of ${cell.name}`);
    return {
      settings: { host, port, database: 'postgres' },
      admin: { user: admin['username'], password: admin['password'] },
    };
  }
});
