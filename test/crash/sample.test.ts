import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCallLane, type CallCell, type CallCellEnd, type CallLane } from './call-cells.ts';
import { sample } from './points.ts';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import { inMemoryFamily, openAiFamily, postgresFamily, standbyFamily, type Family } from './families.ts';

/** A seeded handful of the crash matrix; the whole of it runs in test/slow. CRASH_SEED chooses another handful. */
const seed = Number(process.env['CRASH_SEED'] ?? 1);

const creates = ['openai', 'postgres-roles', 'in-memory-standby'];
const others = sample(seed, 5);

describe(`a worker killed with SIGKILL (seed ${seed})`, () => {
  let server: TemporalServer;
  let families: readonly Family[];
  let lane: CallLane;
  let ends: readonly CallCellEnd[] = [];
  beforeAll(async () => {
    const real = Promise.all([openAiFamily(), postgresFamily()]);
    server = await startTemporalServer();
    families = [inMemoryFamily('in-memory'), inMemoryFamily('in-memory-slots'), ...(await real), standbyFamily()];
    lane = await openCallLane(server, families);
    ends = await lane.play(
      [
        ...creates.map((name) => ({
          family: families.find((one) => one.name === name),
          point: 'provider.issue:after',
        })),
        ...others.map((point, index) => ({ family: families[index % families.length], point })),
      ].filter((cell): cell is CallCell => cell.family !== undefined),
    );
  }, 120_000);
  afterAll(async () => {
    await lane.close();
    await Promise.all(families.map((family) => family.stop()));
    await server.stop();
  }, 60_000);

  it.each(creates)('between the create at %s and its answer leaves no stray and ends rotated', (name) => {
    const end = ends.find((one) => one.family.name === name && one.point === 'provider.issue:after');
    expect(end).toMatchObject({ reached: true, faults: [] });
  });

  it.each(others.map((point, index) => ({ point, index })))(
    'at $point ends rotated, with one live version',
    ({ point, index }) => {
      expect(ends[creates.length + index]).toMatchObject({ point, faults: [] });
    },
  );
});
