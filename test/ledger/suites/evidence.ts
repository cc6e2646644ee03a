import { describe, expect } from 'vitest';
import { bot, consumer, entry, freshVersion, minutes } from '../fixtures.ts';
import type { Place } from '../places.ts';
import { expectRefusal, scenario, silent } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

const beat = ({ ledger }: Scenario, instance = 'one', boot = 'first', lease = minutes(10)) =>
  ledger.beat({ credential: bot, consumer: 'api', instance, boot, lease });
const prove = ({ ledger }: Scenario, instance: string, epoch = 1) =>
  ledger.prove({ credential: bot, epoch, consumer: 'api', instance, kind: 'possession', actor: 'consumer:api' });

export function evidenceSuite(place: Place): void {
  describe('evidence', () => {
    scenario(place, 'is recorded once, and says how much is missing after it', async (scenario) => {
      await scenario.rotate();
      await beat(scenario, 'one');
      await beat(scenario, 'two');
      expect(await prove(scenario, 'one')).toEqual({ missing: 1 });
      const before = await scenario.kinds();
      expect(await prove(scenario, 'one')).toEqual({ missing: 1 });
      expect(await scenario.kinds()).toEqual(before);
      expect(await prove(scenario, 'two')).toEqual({ missing: 0 });
    });

    scenario(place, 'is asked of an instance whose lease ran out while nobody could renew it', async (scenario) => {
      await scenario.rotate();
      await scenario.ledger.served({ every: minutes(1) });
      await beat(scenario, 'one');
      await beat(scenario, 'two');
      scenario.pass(minutes(60));
      await scenario.ledger.served({ every: minutes(1) });
      scenario.pass(minutes(5));
      await scenario.rotate();
      await beat(scenario, 'one');
      expect((await scenario.ledger.evidence(bot)).instances.map(({ instance }) => instance)).toEqual(['one', 'two']);
    });

    scenario(place, 'is not asked of an instance that fell silent while it could be heard', async (scenario) => {
      await scenario.rotate();
      await beat(scenario, 'one');
      await beat(scenario, 'two');
      for (let minute = 0; minute < 30; minute += 1) {
        await scenario.ledger.served({ every: minutes(1) });
        scenario.pass(minutes(1));
      }
      await scenario.rotate();
      await beat(scenario, 'one');
      expect((await scenario.ledger.evidence(bot)).instances.map(({ instance }) => instance)).toEqual(['one']);
    });

    scenario(place, 'belongs to the newest epoch alone', async (scenario) => {
      await expectRefusal(prove(scenario, 'one', 0), 'CONFLICT');
      await scenario.rotate();
      await scenario.rotate();
      await expectRefusal(prove(scenario, 'one', 1), 'CONFLICT', /epoch 2 is the newest/);
      await expectRefusal(prove(scenario, 'one', 3), 'CONFLICT');
      expect((await scenario.ledger.evidence(bot)).evidence).toEqual([]);
    });

    scenario(place, 'of a consumer nobody declared is refused', async (scenario) => {
      await scenario.rotate();
      const unknown = { credential: bot, consumer: 'stranger', instance: 'one' };
      await expectRefusal(
        scenario.ledger.prove({ ...unknown, epoch: 1, kind: 'possession', actor: 'x' }),
        'NOT_FOUND',
        /stranger/,
      );
      await expectRefusal(scenario.ledger.beat({ ...unknown, boot: 'b', lease: 1 }), 'NOT_FOUND');
      await expectRefusal(scenario.ledger.waive({ ...unknown, epoch: 1, who: 'os:tester', why: 'x' }), 'NOT_FOUND');
    });

    scenario(place, 'is accepted of a removed consumer that is still demanded', async (scenario) => {
      await scenario.rotate();
      await scenario.rotate();
      await scenario.apply(entry(bot, { consumers: [consumer('web')] }));
      await beat(scenario);
      expect(await prove(scenario, 'one', 2)).toEqual({ missing: 1 });
    });

    scenario(
      place,
      'is withdrawn when its instance falls back, and counts again after a new proof',
      async (scenario) => {
        await scenario.rotate();
        await beat(scenario);
        await prove(scenario, 'one');
        await scenario.ledger.withdraw({
          credential: bot,
          epoch: 1,
          consumer: 'api',
          instance: 'one',
          what: 'fell-back',
        });
        expect((await scenario.ledger.evidence(bot)).evidence[0]?.withdrawn).toBe(true);
        expect(await prove(scenario, 'one')).toEqual({ missing: 0 });
      },
    );

    scenario(place, 'for a consumer as a whole goes with the report of one instance', async (scenario) => {
      await scenario.apply(entry(bot, { consumers: [consumer('api', { demand: 'acknowledged' })] }));
      await scenario.rotate();
      const acknowledge = () =>
        scenario.ledger.prove({
          credential: bot,
          epoch: 1,
          consumer: 'api',
          kind: 'acknowledged',
          actor: 'os:tester',
          why: 'I looked',
        });
      expect(await acknowledge()).toEqual({ missing: 0 });
      await scenario.ledger.withdraw({
        credential: bot,
        epoch: 1,
        consumer: 'api',
        instance: 'one',
        what: 'refused',
        version: freshVersion(),
      });
      expect((await scenario.ledger.evidence(bot)).evidence[0]?.withdrawn).toBe(true);
    });

    scenario(place, 'is lacking from a late joiner', async (scenario) => {
      await scenario.rotate();
      await beat(scenario, 'one');
      expect(await prove(scenario, 'one')).toEqual({ missing: 0 });
      await beat(scenario, 'late');
      expect(await prove(scenario, 'one')).toEqual({ missing: 1 });
    });

    scenario(place, 'is waived by name, once', async (scenario) => {
      await scenario.rotate();
      await beat(scenario, 'one');
      await beat(scenario, 'two');
      const waive = {
        credential: bot,
        epoch: 1,
        consumer: 'api',
        instance: 'two',
        who: 'os:tester',
        why: 'switched off',
      };
      await scenario.ledger.waive(waive);
      await scenario.ledger.waive(waive);
      expect((await scenario.ledger.evidence(bot)).waivers).toEqual([
        { consumer: 'api', instance: 'two', who: 'os:tester' },
      ]);
      expect(await prove(scenario, 'one')).toEqual({ missing: 0 });
    });

    scenario(place, 'is asked of nobody when the entry says so', async (scenario) => {
      await scenario.apply(entry(bot, { consumers: { none: 'only people use it' } }));
      await scenario.rotate();
      expect(await scenario.ledger.evidence(bot)).toMatchObject({ none: 'only people use it', demands: [] });
    });
  });

  describe('an instance', () => {
    scenario(place, 'renews its lease without an event', async (scenario) => {
      await beat(scenario);
      const before = await scenario.kinds();
      scenario.pass(minutes(5));
      expect(await beat(scenario)).toEqual({ leaseUntil: scenario.now() + minutes(10) });
      expect(await scenario.kinds()).toEqual(before);
    });

    scenario(place, 'of a later boot waits for the lease of the earlier one', async (scenario) => {
      await scenario.rotate();
      await beat(scenario, 'one', 'first');
      await expectRefusal(beat(scenario, 'one', 'second'), 'CONFLICT', /still beating/);
      scenario.pass(minutes(10));
      await beat(scenario, 'one', 'second');
      const instances = (await scenario.ledger.evidence(bot)).instances;
      expect(instances.map((one) => [one.boot, one.left])).toEqual([
        ['first', true],
        ['second', false],
      ]);
      await expectRefusal(beat(scenario, 'one', 'first'), 'CONFLICT', /still beating/);
    });

    scenario(place, 'whose lease lapsed still counts, until it returns, leaves or is waived', async (scenario) => {
      await scenario.rotate();
      await beat(scenario, 'one');
      await beat(scenario, 'two');
      await prove(scenario, 'one');
      scenario.pass(minutes(60));
      expect(await prove(scenario, 'one')).toEqual({ missing: 1 });
      await beat(scenario, 'two');
      expect(await prove(scenario, 'one')).toEqual({ missing: 1 });
      await scenario.ledger.leave({ credential: bot, consumer: 'api', instance: 'two', how: 'platform' });
      expect(await prove(scenario, 'one')).toEqual({ missing: 0 });
    });

    scenario(
      place,
      'counts when its lease ran as the epoch was decided, not when it lapsed before',
      async (scenario) => {
        await beat(scenario, 'lapsed', 'b', minutes(1));
        await beat(scenario, 'beating', 'b', minutes(30));
        await beat(scenario, 'left', 'b', minutes(30));
        await scenario.ledger.leave({ credential: bot, consumer: 'api', instance: 'left', how: 'deregistered' });
        scenario.pass(minutes(5));
        await scenario.rotate();
        expect((await scenario.ledger.evidence(bot)).instances.map((one) => one.instance)).toEqual(['beating']);
      },
    );

    scenario(place, 'may return after it left', async (scenario) => {
      await scenario.rotate();
      await beat(scenario);
      await scenario.ledger.leave({ credential: bot, consumer: 'api', instance: 'one', how: 'deregistered' });
      await scenario.ledger.leave({ credential: bot, consumer: 'api', instance: 'one', how: 'deregistered' });
      expect((await scenario.ledger.evidence(bot)).instances[0]?.left).toBe(true);
      await beat(scenario);
      expect((await scenario.ledger.evidence(bot)).instances[0]?.left).toBe(false);
    });

    scenario(place, 'that never was cannot leave', async ({ ledger }) => {
      await expectRefusal(
        ledger.leave({ credential: bot, consumer: 'api', instance: 'ghost', how: 'platform' }),
        'NOT_FOUND',
      );
    });
  });

  describe('watching', () => {
    scenario(place, 'overwrites its reading outside the chain', async (scenario) => {
      const version = await scenario.rotate();
      const before = await scenario.kinds();
      const reading = { ...silent(scenario.now()), lastUseAt: scenario.now() - 1 };
      await scenario.ledger.watch(version, silent(scenario.now() - 1));
      await scenario.ledger.watch(version, reading);
      expect(await scenario.ledger.watched(version)).toEqual(reading);
      expect(await scenario.kinds()).toEqual(before);
    });

    scenario(place, 'starts its window again when we used the version ourselves', async (scenario) => {
      const version = await scenario.rotate();
      expect(await scenario.ledger.watched(version)).toBeUndefined();
      await scenario.ledger.ownProbe(version);
      expect(await scenario.ledger.watched(version)).toBeUndefined();
      await scenario.ledger.watch(version, silent(scenario.now()));
      expect((await scenario.ledger.watched(version))?.watchingSince).toBe(scenario.now());
    });

    scenario(place, 'is asked for old versions that may live, not for compromised or dying ones', async (scenario) => {
      const versions = [
        await scenario.rotate(),
        await scenario.rotate(),
        await scenario.rotate(),
        await scenario.rotate(),
      ] as const;
      await scenario.ledger.declareIncident({
        incident: 'i',
        versions: [versions[0]],
        who: 'os:tester',
        why: 'leaked',
      });
      await scenario.kill(versions[1]);
      const watched = await scenario.ledger.toWatch('openai-prod');
      expect(watched.map((one) => one.version)).toEqual([versions[2]]);
    });
  });
}
