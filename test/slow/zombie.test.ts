import { Client } from 'pg';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CredentialId } from '../../domain/identifiers.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import { inMemoryFamily, postgresFamily, type Family } from '../crash/families.ts';
import { until } from '../support/until.ts';
import { openZombieLane, type ArmedCall, type ZombieLane } from '../crash/zombie-lane.ts';

/**
 * A worker is frozen between the intent and the call, a second one takes over and finishes, the first one goes on: what
 * it then sends changes nothing, judged at the provider and in the vault (protocol 1, 3 and 4). All cells freeze in one
 * moment, so that they wait together.
 */
type Meanwhile =
  | 'taken over'
  /** To the end: the version that was being promoted is dead and erased. */
  | 'rolled back'
  /** Only decided and promoted: the version that was being promoted lives, and its staged copy too. */
  | 'rolling back'
  | 'slot used again';

interface Cell extends ArmedCall {
  readonly family: 'in-memory' | 'in-memory-slots' | 'postgres-roles';
  /** What happens to the credential before the first worker wakes. */
  readonly meanwhile: Meanwhile;
  /** How the frozen call ends. */
  readonly ends: string;
}

const cell = (
  name: string,
  family: Cell['family'],
  operation: Cell['operation'],
  sent: 'after its deadline' | 'as if in time',
  meanwhile: Cell['meanwhile'],
  ends: string,
): Cell => ({ name, family, operation, inTime: sent === 'as if in time', meanwhile, ends });

const cells: readonly Cell[] = [
  cell('late-mint', 'in-memory', 'issue', 'after its deadline', 'taken over', 'UNAVAILABLE'),
  cell('late-role', 'postgres-roles', 'issue', 'after its deadline', 'taken over', 'UNAVAILABLE'),
  cell('slot-issue', 'in-memory-slots', 'issue', 'as if in time', 'slot used again', 'CONFLICT'),
  cell('role-issue', 'postgres-roles', 'issue', 'as if in time', 'slot used again', 'CONFLICT'),
  cell('slot-revoke', 'in-memory-slots', 'revoke', 'as if in time', 'slot used again', 'done'),
  cell('role-revoke', 'postgres-roles', 'revoke', 'as if in time', 'slot used again', 'done'),
  cell('late-promote', 'in-memory', 'promote', 'after its deadline', 'rolled back', 'UNAVAILABLE'),
  cell('gone-promote', 'postgres-roles', 'promote', 'as if in time', 'rolled back', 'NOT_FOUND'),
  cell('old-promote', 'in-memory', 'promote', 'as if in time', 'rolling back', 'CONFLICT'),
  cell('role-promote', 'postgres-roles', 'promote', 'as if in time', 'rolling back', 'CONFLICT'),
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
    for (const cell of cells) {
      // In mode ask nothing is revoked after a roll-back.
      const mode = cell.meanwhile === 'rolling back' ? 'ask' : 'automatic';
      ids.set(cell.name, await lane.credential(familyOf(cell), cell.name, mode));
    }
    await rotateAll(cells);

    await Promise.all([...ids.values()].map((id) => lane.rotate(id)));
    await lane.freeze(cells.map(({ name, operation, inTime }) => ({ name, operation, inTime })));
    for (const { name } of cells.filter((cell) => cell.meanwhile.startsWith('roll'))) {
      const id = idOf(name);
      const version = (await lane.ledger.facts(id)).epochs[1]?.version;
      if (version === undefined) throw new Error('there is no version to go back to');
      await lane.ledger.request({ kind: 'rollBack', credential: id, version, who: 'test', why: 'test' });
    }
    await lane.startSecond();
    for (const { name, meanwhile } of cells) {
      if (meanwhile !== 'rolling back') await lane.result(idOf(name));
      else await until('consumers read the old version again', () => lane.shown(name).epoch === 3, 60_000);
    }
    const again = cells.filter((cell) => cell.meanwhile === 'slot used again');
    await rotateAll(again);
    await rotateAll(again.filter((cell) => cell.operation === 'issue'));

    for (const cell of cells) before.set(cell.name, await standing(cell));
    woke = await lane.wakeFirst();
    for (const cell of cells) after.set(cell.name, await standing(cell));
  }, 300_000);
  afterAll(async () => {
    await lane.close();
    await Promise.all([...families.values()].map((family) => family.stop()));
    await server.stop();
  }, 60_000);

  it.each(cells)(
    'in $operation at $family changes nothing when it goes on and the credential was $meanwhile: $name ends as $ends',
    async ({ name, ends, meanwhile, family }) => {
      expect(woke.get(name)).toBe(ends);
      expect(after.get(name)).toEqual(before.get(name));
      const { epochs, versions } = await lane.ledger.facts(idOf(name));
      const current = epochs[0]?.version;
      expect(lane.shown(name).version).toBe(current);
      const doomed = versions.filter((one) => one.fate === 'doomed').map((one) => one.id);
      expect(doomed).toHaveLength(meanwhile === 'rolling back' ? 1 : 0);
      const live = await families.get(family)?.live(name, lane.folder);
      expect(live?.toSorted()).toEqual([current, ...doomed].toSorted());
      expect(epochs[0]?.why === 'roll-back').toBe(meanwhile.startsWith('roll'));
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
