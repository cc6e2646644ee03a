import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import type { Family } from './families.ts';
import { openLane, type Lane } from './lane.ts';
import { killPoints } from './points.ts';

/** Every point of one family, one cell after another. */
export function crashMatrix(name: string, open: () => Promise<Family>): void {
  describe(`a worker rotating ${name} and killed with SIGKILL`, () => {
    let server: TemporalServer;
    let family: Family;
    let lane: Lane;
    beforeAll(async () => {
      server = await startTemporalServer();
      family = await open();
      lane = await openLane(server, [family]);
    }, 120_000);
    afterAll(async () => {
      await lane.close();
      await family.stop();
      await server.stop();
    }, 60_000);

    it.each(killPoints)(
      'at %s ends rotated, with one live version that consumers read',
      async (point) => {
        expect(await lane.cell(family, point)).toEqual({ reached: true });
      },
      90_000,
    );
  });
}
