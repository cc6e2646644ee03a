import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCallLane, type CallCellEnd, type CallLane } from './call-cells.ts';
import { killPoints } from './points.ts';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import type { Family } from './families.ts';

/** Every point of one family: the worker is killed in all of them at once. */
export function crashMatrix(name: string, open: () => Promise<Family>): void {
  describe(`a worker rotating ${name} and killed with SIGKILL`, () => {
    let server: TemporalServer;
    let family: Family;
    let lane: CallLane;
    let ends: readonly CallCellEnd[] = [];
    beforeAll(async () => {
      server = await startTemporalServer();
      family = await open();
      lane = await openCallLane(server, [family]);
      ends = await lane.play(killPoints.map((point) => ({ family, point })));
    }, 300_000);
    afterAll(async () => {
      await lane.close();
      await family.stop();
      await server.stop();
    }, 60_000);

    it.each(killPoints)('at %s ends rotated, with one live version that consumers read', (point) => {
      expect(ends.find((end) => end.point === point)).toMatchObject({ reached: true, faults: [] });
    });

    it('leaves a ledger whose projections equal a rebuild from events', async () => {
      expect(await lane.ledgerFaults()).toEqual([]);
    });
  });
}
