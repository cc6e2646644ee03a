import { describe, expect } from 'vitest';
import { minutes } from '../fixtures.ts';
import type { Place } from '../places.ts';
import { expectRefusal, scenario } from '../scenario.ts';
import { authorise, ready } from './ready.ts';

export function killingSuite(place: Place): void {
  describe('a kill', () => {
    scenario(place, 'may not begin unauthorised for a version that was current', async (scenario) => {
      const old = await ready(scenario);
      await expectRefusal(
        scenario.ledger.intend({ version: old, effect: 'revoke', place: 'p', within: 1 }),
        'CONFLICT',
        /not authorised/,
      );
      await expectRefusal(scenario.ledger.killBegan({ version: old }), 'CONFLICT', /not authorised/);
      const current = (await scenario.facts()).epochs[0]?.version;
      if (current === undefined) throw new Error('no epoch');
      await expectRefusal(
        scenario.ledger.intend({ version: current, effect: 'suspend', place: 'p', within: 1 }),
        'CONFLICT',
        /current/,
      );
      await expectRefusal(
        scenario.ledger.intend({ version: current, effect: 'destroy', place: 'p', within: 1 }),
        'CONFLICT',
        /current/,
      );
    });

    scenario(place, 'counts refusals until one acceptance', async (scenario) => {
      const version = await scenario.rotate();
      const start = scenario.now();
      expect(await scenario.ledger.probed({ version, answer: 'refused' })).toEqual({ count: 1, firstAt: start });
      scenario.pass(1000);
      expect(await scenario.ledger.probed({ version, answer: 'refused' })).toEqual({ count: 2, firstAt: start });
      expect((await scenario.version(version)).refusals).toEqual({ count: 2, firstAt: start, lastAt: start + 1000 });
      expect(await scenario.ledger.probed({ version, answer: 'accepted' })).toMatchObject({ count: 0 });
      expect((await scenario.version(version)).refusals).toBeUndefined();
    });

    scenario(place, 'ends with refs gone, fate and outcome in one transaction', async (scenario) => {
      const old = await ready(scenario);
      await authorise(scenario, old);
      await scenario.ledger.intend({ version: old, effect: 'revoke', place: 'p', within: 1 });
      await scenario.ledger.dead({ version: old, grade: 'refused' });
      await scenario.ledger.dead({ version: old, grade: 'refused' });
      await scenario.ledger.dead({ version: old, grade: 'absent' });
      const dead = await scenario.version(old);
      expect([dead.fate, dead.dead, dead.refs[0]?.gone]).toEqual([
        'dead',
        { at: scenario.now(), grade: 'refused' },
        true,
      ]);
      expect(dead.intents.every((one) => one.outcome === 'done')).toBe(true);
    });

    scenario(
      place,
      'graded absent leaves the version doomed as long as a copy of its value exists',
      async (scenario) => {
        const old = await ready(scenario);
        await scenario.ledger.dead({ version: old, grade: 'absent' });
        expect(await scenario.version(old)).toMatchObject({ fate: 'doomed', dead: { grade: 'absent' } });
        await scenario.ledger.destroyed({ version: old, backend: 'vault' });
        await scenario.ledger.destroyed({ version: old, backend: 'vault' });
        expect((await scenario.version(old)).fate).toBe('dead');
      },
    );

    scenario(place, 'graded absent becomes refused once the value was asked with', async (scenario) => {
      const old = await ready(scenario);
      await scenario.ledger.dead({ version: old, grade: 'absent' });
      await scenario.ledger.dead({ version: old, grade: 'refused' });
      expect(await scenario.version(old)).toMatchObject({ fate: 'dead', dead: { grade: 'refused' } });
    });

    scenario(place, 'never erases what an open incident names before it is dead', async (scenario) => {
      const old = await ready(scenario);
      await scenario.ledger.declareIncident({ incident: 'i', versions: [old], who: 'os:tester', why: 'leaked' });
      const destroy = () => scenario.ledger.intend({ version: old, effect: 'destroy', place: 'vault', within: 1 });
      await expectRefusal(destroy(), 'CONFLICT', /incident i/);
      await scenario.ledger.dead({ version: old, grade: 'refused' });
      await destroy();
    });

    scenario(place, 'leaves no intent in doubt when what is erased is erased again', async (scenario) => {
      const old = await ready(scenario);
      await scenario.ledger.dead({ version: old, grade: 'refused' });
      for (const again of [false, true]) {
        await scenario.ledger.intend({ version: old, effect: 'destroy', place: 'vault', within: minutes(1) });
        await scenario.ledger.destroyed({ version: old, backend: 'vault' });
        const { intents } = await scenario.version(old);
        expect([again, intents.find((one) => one.effect === 'destroy')?.outcome]).toEqual([again, 'done']);
      }
    });

    scenario(place, 'leaves nothing with which what was erased could be proved', async (scenario) => {
      const { ledger } = scenario;
      const [old, leaked] = [await ready(scenario), (await scenario.facts()).epochs[0]?.version];
      if (leaked === undefined) throw new Error('no epoch');
      await scenario.rotate();
      await ledger.declareIncident({ incident: 'i', versions: [leaked], who: 'os:tester', why: 'leaked' });
      for (const version of [old, leaked]) {
        await ledger.dead({ version, grade: 'refused' });
        await ledger.destroyed({ version, backend: 'vault' });
        await expectRefusal(ledger.proofKey(version), 'NOT_FOUND');
      }
      expect(await ledger.watched(old)).toBeUndefined();
    });

    scenario(place, 'is preceded by a suspension that may be turned back and made again', async (scenario) => {
      const { ledger } = scenario;
      const old = await ready(scenario);
      await ledger.suspended({ version: old, epoch: 2 });
      await ledger.suspended({ version: old, epoch: 2 });
      expect(await scenario.version(old)).toMatchObject({ suspended: true, suspendedAt: scenario.now() });
      await ledger.resumed({ version: old, epoch: 2 });
      expect((await scenario.version(old)).suspended).toBe(false);
      await ledger.suspended({ version: old, epoch: 2 });
      expect((await scenario.version(old)).suspended).toBe(true);
      expect((await scenario.kinds()).filter((kind) => kind === 'version.suspended')).toHaveLength(2);
    });

    scenario(place, 'that moves to a debt is still owed', async (scenario) => {
      const old = await ready(scenario);
      await scenario.ledger.debtMoved({ version: old });
      await scenario.ledger.debtMoved({ version: old });
      expect(await scenario.version(old)).toMatchObject({ fate: 'doomed', debtMoved: true });
      const current = (await scenario.facts()).epochs[0]?.version;
      if (current === undefined) throw new Error('no epoch');
      await expectRefusal(scenario.ledger.debtMoved({ version: current }), 'CONFLICT');
    });
  });
}
