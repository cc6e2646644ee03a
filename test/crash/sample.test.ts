import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import { inMemoryFamily, openAiFamily, postgresFamily, type Family } from './families.ts';
import { openLane, type Lane } from './lane.ts';
import { sample } from './points.ts';

/** A seeded handful of the crash matrix; the whole of it runs in test/slow. CRASH_SEED chooses another handful. */
const seed = Number(process.env['CRASH_SEED'] ?? 1);

describe(`a worker killed with SIGKILL (seed ${seed})`, () => {
  let server: TemporalServer;
  let families: readonly Family[];
  let lane: Lane;
  beforeAll(async () => {
    server = await startTemporalServer();
    families = [
      inMemoryFamily('in-memory'),
      inMemoryFamily('in-memory-slots'),
      await openAiFamily(),
      await postgresFamily(),
    ];
    lane = await openLane(server, families);
  }, 120_000);
  afterAll(async () => {
    await lane.close();
    await Promise.all(families.map((family) => family.stop()));
    await server.stop();
  }, 60_000);

  it.each(['openai', 'postgres-roles'])(
    'between the create at %s and its answer leaves no stray and ends rotated',
    async (name) => {
      const family = families.find((one) => one.name === name);
      if (family === undefined) throw new Error('no such family');
      expect(await lane.cell(family, 'provider.issue:after')).toEqual({ reached: true });
    },
    60_000,
  );

  it.each(sample(seed, 3).map((point, index) => ({ point, index })))(
    'at $point ends rotated, with one live version',
    async ({ point, index }) => {
      const family = families[index % families.length];
      if (family === undefined) throw new Error('no family');
      await lane.cell(family, point);
    },
    60_000,
  );
});
