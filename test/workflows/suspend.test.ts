import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayBeSuspended } from '../../domain/facts.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { consumer, openStage, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** A version that was ever current is suspended under GATE only, as it stands at that moment (protocol 5). */
describe('a suspend', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  it.each(['fell back', 'beats anew'])(
    'does not come when an instance %s after GATE was asked for it',
    async (meanwhile) => {
      const play = await stage.play({ entry: { consumers: [consumer('bot')], soak: 300 } });
      await play.rotate();
      await play.result();
      const old = (await play.current()).id;
      await play.beat('bot');
      await play.rotate();
      await play.reaches('confirming');
      const fresh = (await play.current()).id;
      // GATE is asked twice, and its last question is whether the survivor lives: the second one stands still in it.
      const first = play.hold('verify');
      await play.prove('bot');
      await first.arrived;
      const second = play.hold('verify');
      first.letGo();
      await second.arrived;
      const { epoch } = (await play.facts()).epochs[0] ?? { epoch: 0 };
      if (meanwhile === 'beats anew') await play.beat('bot', 'late');
      else
        await stage.ledger.withdraw({
          credential: play.id,
          epoch,
          consumer: 'bot',
          instance: 'one',
          what: 'fell-back',
          version: old,
        });
      second.letGo();
      await until('it waits for the proof', async () => {
        const status = await stage.rotations.status(play.id);
        return status?.step === 'confirming' && (status.waitsFor ?? '').includes('bot/');
      });
      expect(play.liveVersions().toSorted()).toEqual([old, fresh].toSorted());
      expect((await play.facts()).versions.find((one) => one.id === old)?.suspended).toBe(false);
      await play.prove('bot', meanwhile === 'beats anew' ? 'late' : 'one');
      expect((await play.result()).outcome).toBe('rotated');
      expect(play.liveVersions()).toEqual([fresh]);
    },
  );

  it('that was never answered is undone by a roll-back, which does not lapse', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')], soak: 600_000 } });
    await play.rotate();
    await play.result();
    const old = (await play.current()).id;
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    const fresh = (await play.current()).id;
    scriptTrouble(play.provider, 'suspend', { kind: 'lose-answer' }, 10_000);
    await play.prove('bot');
    await until('it is suspended at the provider', () => !play.liveVersions().includes(old));
    expect((await play.facts()).versions.find((one) => one.id === old)?.suspended).toBe(false);

    await stage.ledger.request({ kind: 'rollBack', credential: play.id, version: old, who: 'test', why: 'test' });
    await play.wake();
    await until('it is current and alive again', () => play.shown() === old && play.liveVersions().includes(old));
    const facts = await play.facts();
    expect(facts.versions.find((one) => one.id === old)?.refused).toBe(false);
    // Nothing of the suspension is in doubt any more.
    expect(mayBeSuspended(facts.versions.find((one) => one.id === old) ?? raiseNone())).toBe(false);
    play.provider.change((state) => (state.troubles = []));
    await play.change({ soak: 0 });
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rolled-back');
    expect(play.liveVersions()).not.toContain(fresh);
  });
});

function raiseNone(): never {
  throw new Error('the version is not there');
}
