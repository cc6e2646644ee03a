import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLedger } from '../../ledger/open.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import { entry } from './fixtures.ts';
import { postgresPlace, sqlitePlace } from './places.ts';
import { expectSound } from './scenario.ts';

const apply = { teams: ['support'], entries: [entry()], targets: {}, actor: 'os:tester' };
const program = new URL('programs/write-on.ts', import.meta.url);

for (const place of [sqlitePlace(), postgresPlace()]) {
  describe(`processes on one ledger on ${place.dialect}`, () => {
    beforeAll(() => place.start());
    afterAll(() => place.stop());

    it('race and keep one unbroken chain', async () => {
      const url = await place.fresh();
      const ledger = await openLedger({ url });
      await ledger.applyInventory(apply);
      const names = ['one', 'two', 'three'];
      const programs = await Promise.all(names.map((name) => startScript({ file: program, args: [url, name, '60'] })));
      const endings = await Promise.all(programs.map((one) => one.ended));
      expect(
        endings.map((one) => one.code),
        programs.map((one) => one.output()).join('\n'),
      ).toEqual([0, 0, 0]);
      const written = (await ledger.history({ limit: 1000 })).filter((event) => event.n > 2);
      expect(written).toHaveLength(180);
      // They did meet: the events of one do not stand in a row.
      expect(new Set(written.slice(0, 150).map((event) => event.body['text'] ?? event.actor)).size).toBeGreaterThan(3);
      await expectSound(ledger);
      await ledger.close();
    });

    it('killed inside a write leave a valid chain with everything that was answered', async () => {
      const url = await place.fresh();
      const first = await openLedger({ url });
      await first.applyInventory(apply);
      await first.close();
      let answered = 0;
      for (const lines of [3, 20, 41]) {
        const writer = await startScript({ file: program, args: [url, `until-${lines}`, '1000000'] });
        await writer.printed(new RegExp(`^${lines}$`, 'm'));
        await writer.kill();
        answered += writer.output().trim().split('\n').length;
      }
      const ledger = await openLedger({ url });
      const events = await ledger.history({ limit: 100_000 });
      expect(events.length - 2).toBeGreaterThanOrEqual(answered);
      expect(events.length - 2).toBeLessThanOrEqual(answered + 3);
      expect(events.some((event) => event.kind === 'ledger.restored')).toBe(false);
      await expectSound(ledger);
      await ledger.close();
    });
  });
}
