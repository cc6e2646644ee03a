import { describe, expect } from 'vitest';
import { bot, consumer, entry, minutes, search } from '../fixtures.ts';
import type { Place } from '../places.ts';
import { expectRefusal, scenario, silent } from '../scenario.ts';
import { authorise, ready } from './ready.ts';

export function authorisingSuite(place: Place): void {
  describe('an authorisation', () => {
    scenario(place, 'is given when nothing is missing, and again without a second event', async (scenario) => {
      const old = await ready(scenario);
      await authorise(scenario, old);
      const before = await scenario.kinds();
      await authorise(scenario, old);
      expect(await scenario.kinds()).toEqual(before);
      expect((await scenario.version(old)).authorisedEpoch).toBe(2);
    });

    scenario(
      place,
      'reads the evidence again: a late joiner, a fall-back and a new epoch each stop it',
      async (scenario) => {
        const { ledger } = scenario;
        const old = await ready(scenario);
        await ledger.beat({ credential: bot, consumer: 'api', instance: 'late', boot: 'b', lease: minutes(10) });
        await expectRefusal(authorise(scenario, old), 'CONFLICT', /api\/late: not proved/);
        await ledger.leave({ credential: bot, consumer: 'api', instance: 'late', how: 'deregistered' });
        await ledger.withdraw({
          credential: bot,
          epoch: 2,
          consumer: 'api',
          instance: 'one',
          what: 'fell-back',
          version: old,
        });
        await expectRefusal(authorise(scenario, old), 'CONFLICT', /api\/one: withdrawn/);
        await scenario.rotate();
        await expectRefusal(authorise(scenario, old), 'CONFLICT', /epoch 3 is the newest/);
        await expectRefusal(authorise(scenario, old, 3), 'CONFLICT', /api\/one: not proved/);
      },
    );

    scenario(place, 'reads it again also when it was given before', async (scenario) => {
      const old = await ready(scenario);
      await authorise(scenario, old);
      await scenario.ledger.beat({ credential: bot, consumer: 'api', instance: 'late', boot: 'b', lease: minutes(10) });
      await expectRefusal(authorise(scenario, old), 'CONFLICT', /late/);
    });

    scenario(place, 'waits for silence where the provider tells it', async (scenario) => {
      const old = await ready(scenario);
      await scenario.ledger.watch(old, { ...silent(scenario.now()), lastUseAt: scenario.now() - minutes(1) });
      await expectRefusal(authorise(scenario, old), 'CONFLICT', /silent/);
      await authorise(scenario, old, 2, false);
    });

    scenario(place, 'is refused while the old version is not watched', async (scenario) => {
      const old = await scenario.rotate();
      const newer = await scenario.rotate();
      await scenario.prove(newer);
      await expectRefusal(authorise(scenario, old), 'CONFLICT', /not watched/);
    });

    scenario(place, 'is refused while our own probe is younger than the silence asked for', async (scenario) => {
      const old = await ready(scenario);
      await scenario.ledger.ownProbe(old);
      await expectRefusal(authorise(scenario, old), 'CONFLICT', /silent/);
    });

    for (const kind of ['pause', 'freeze'] as const) {
      scenario(place, `is refused during a ${kind}`, async (scenario) => {
        const old = await ready(scenario);
        const { id } = await scenario.ledger.request({ kind, credential: bot, who: 'os:tester', why: 'wait' });
        await expectRefusal(authorise(scenario, old), 'CONFLICT', new RegExp(kind));
        await scenario.ledger.withdrawRequest({ id, who: 'os:tester', why: 'go on' });
        await authorise(scenario, old);
      });
    }

    scenario(place, 'is refused during a freeze of everything', async (scenario) => {
      const old = await ready(scenario);
      await scenario.ledger.request({ kind: 'freeze', who: 'os:tester', why: 'holidays' });
      await expectRefusal(authorise(scenario, old), 'CONFLICT', /freeze/);
    });

    scenario(place, 'is refused while a roll-back is undecided', async (scenario) => {
      const old = await ready(scenario);
      await scenario.ledger.request({
        kind: 'rollBack',
        credential: bot,
        version: old,
        who: 'os:tester',
        why: 'it broke',
      });
      await expectRefusal(authorise(scenario, old), 'CONFLICT', /rollBack/);
    });

    scenario(
      place,
      'is refused in mode observe, and in mode ask until a person releases this epoch',
      async (scenario) => {
        const old = await ready(scenario);
        await scenario.apply(entry(bot, { mode: 'observe' }));
        await expectRefusal(authorise(scenario, old), 'CONFLICT', /observe/);
        await scenario.apply(entry(bot, { mode: 'ask' }));
        await expectRefusal(authorise(scenario, old), 'CONFLICT', /mode is ask/);
        await scenario.ledger.request({
          kind: 'release',
          release: 'ask',
          credential: bot,
          who: 'os:tester',
          why: 'go',
        });
        await authorise(scenario, old);
      },
    );

    scenario(place, 'is never given for the current version', async (scenario) => {
      const current = await scenario.rotate();
      await scenario.prove(current);
      await expectRefusal(authorise(scenario, current, 1), 'CONFLICT', /it is current/);
    });

    scenario(place, 'needs no evidence for a version never decided, nor for a compromised one', async (scenario) => {
      const never = await scenario.issue();
      await authorise(scenario, never, 0);
      await scenario.ledger.spent({ version: never, why: 'done with it' });
      const leaked = await scenario.rotate();
      await scenario.ledger.declareIncident({ incident: 'i', versions: [leaked], who: 'os:tester', why: 'leaked' });
      await scenario.ledger.request({ kind: 'freeze', who: 'os:tester', why: 'holidays' });
      await authorise(scenario, leaked, 1);
    });

    scenario(place, 'of another credential its version is not found', async (scenario) => {
      const old = await ready(scenario);
      await scenario.apply(entry(), entry(search));
      await expectRefusal(
        scenario.ledger.authorise({ credential: search, version: old, epoch: 2, signal: true }),
        'NOT_FOUND',
      );
    });

    scenario(
      place,
      'is taken back while the kill has not begun, and then requests are possible again',
      async (scenario) => {
        const old = await ready(scenario);
        await authorise(scenario, old);
        const goBack = () =>
          scenario.ledger.request({
            kind: 'rollBack',
            credential: bot,
            version: old,
            who: 'os:tester',
            why: 'it broke',
          });
        await expectRefusal(goBack(), 'CONFLICT', /only forward/);
        await expectRefusal(
          scenario.ledger.request({ kind: 'pause', credential: bot, who: 'os:tester', why: 'wait' }),
          'CONFLICT',
          /authorised/,
        );
        await expectRefusal(
          scenario.ledger.request({ kind: 'freeze', credential: bot, who: 'os:tester', why: 'wait' }),
          'CONFLICT',
          /authorised/,
        );
        await scenario.ledger.withdrawAuthorisation({ version: old, why: 'a late joiner' });
        await scenario.ledger.withdrawAuthorisation({ version: old, why: 'a late joiner' });
        await goBack();
      },
    );

    scenario(place, 'cannot be taken back once the kill began, and is not asked again', async (scenario) => {
      const old = await ready(scenario);
      await authorise(scenario, old);
      await scenario.ledger.killBegan({ version: old });
      await expectRefusal(scenario.ledger.withdrawAuthorisation({ version: old, why: 'x' }), 'CONFLICT', /begun/);
      await scenario.ledger.request({ kind: 'freeze', who: 'os:tester', why: 'holidays' });
      await authorise(scenario, old);
    });
  });

  describe('a release of what is unproved', () => {
    scenario(place, 'waives what is missing now, not who joins later', async (scenario) => {
      const { ledger } = scenario;
      await scenario.apply(entry(bot, { consumers: [consumer('api'), consumer('web')] }));
      const old = await scenario.rotate();
      await scenario.rotate();
      await ledger.beat({ credential: bot, consumer: 'api', instance: 'one', boot: 'b', lease: minutes(10) });
      const release = () =>
        ledger.request({
          kind: 'release',
          release: 'unproved',
          credential: bot,
          who: 'os:tester',
          why: 'they are off',
        });
      const first = await release();
      expect((await release()).id).toBe(first.id);
      await authorise(scenario, old);
      await ledger.withdrawAuthorisation({ version: old, why: 'look again' });
      await ledger.beat({ credential: bot, consumer: 'api', instance: 'late', boot: 'b', lease: minutes(10) });
      await expectRefusal(authorise(scenario, old), 'CONFLICT', /api\/late/);
      expect((await release()).id).not.toBe(first.id);
      await authorise(scenario, old);
    });
  });
}
