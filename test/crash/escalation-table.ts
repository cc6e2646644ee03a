import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import { escalationCells, type EscalationCell, type Leaked } from './escalation-cells.ts';
import { openEscalationLane, type EscalationLane } from './escalation-lane.ts';
import type { Family } from './families.ts';

/** Most of a cell's time is spent waiting for the server to notice that a worker is gone. */
const side = 3;

const named = { old: 'the old version', new: 'the new version', both: 'both versions' };

/** Protocol 7's table for one kind of provider and one leak, the worker killed in the middle of each effect. */
export function escalationTable(leaked: Leaked, open: () => Promise<Family>): void {
  escalations(`${named[leaked]} leaked`, escalationCells(leaked), open);
}

/** Some cells of the table, of one kind of provider. */
export function escalations(what: string, cells: readonly EscalationCell[], open: () => Promise<Family>): void {
  describe(`an escalation that finds its worker killed, ${what}`, () => {
    let server: TemporalServer;
    let family: Family;
    let lanes: EscalationLane[];
    const idle: EscalationLane[] = [];
    const waiting: ((lane: EscalationLane) => void)[] = [];
    let killedAgain = 0;
    beforeAll(async () => {
      // Workers of one namespace would take each other's work.
      const names = Array.from({ length: Math.min(side, cells.length) }, (_, index) => `lane-${index}`);
      server = await startTemporalServer({ extraArgs: names.flatMap((name) => ['--namespace', name]) });
      family = await open();
      lanes = await Promise.all(
        names.map((namespace) => openEscalationLane({ address: server.address, namespace }, family.environment)),
      );
      idle.push(...lanes);
    }, 120_000);
    afterAll(async () => {
      for (const lane of lanes) await lane.close();
      await family.stop();
      await server.stop();
    }, 60_000);

    const take = (): Promise<EscalationLane> => {
      const lane = idle.pop();
      return lane === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(lane);
    };
    const giveBack = (lane: EscalationLane): void => {
      const next = waiting.shift();
      if (next === undefined) idle.push(lane);
      else next(lane);
    };

    it.concurrent.each(cells)(
      'in $step ($point, then $second), $leaked leaked: that dies, nothing of it is promoted, one version lives',
      async (cell) => {
        const lane = await take();
        try {
          const end = await lane.cell(family, cell);
          if (end.killedAgain) killedAgain += 1;
          expect(end.faults).toEqual([]);
        } finally {
          giveBack(lane);
        }
      },
      // Cells wait for a lane, too.
      900_000,
    );

    it('leaves ledgers whose projections equal a rebuild from events', async () => {
      for (const lane of lanes) expect(await lane.ledgerFaults()).toEqual([]);
    });

    it('was killed a second time in most of them, in the middle of what the emergency does', () => {
      expect(killedAgain * 2).toBeGreaterThanOrEqual(cells.length);
    });
  });
}
