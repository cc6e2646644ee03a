import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { showValue } from '../../providers/in-memory/world.ts';
import { consumer, openStage, type Play, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** What a rotation tells people, and what it does without them (protocol 3, 5 and 9). */
describe('a rotation that people look at', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  const rotated = async (play: Play): Promise<VersionId> => {
    await play.rotate();
    await play.result();
    return (await play.current()).id;
  };

  it('tells after a rehearsal who could not have proved', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    await rotated(play);
    await play.beat('bot');
    await play.rotate({ rehearse: true });
    expect((await play.result()).why).toContain('would be held: bot/one: not proved');
    await play.prove('bot');
    await play.rotate({ rehearse: true });
    expect((await play.result()).why).toContain('would not be held');
  });

  it('moves the end of a version that a hold still waits for, where the provider can', async () => {
    const play = await stage.play({
      powers: { expiry: true },
      entry: { consumers: [consumer('bot')], schedule: { every: 86_400_000, jitter: 0, windows: [] } },
    });
    const old = await rotated(play);
    const before = (await play.current()).expiresAt ?? 0;
    await play.rotate();
    await play.reaches('confirming');
    await until('its end has moved', async () => {
      const version = (await play.facts()).versions.find((one) => one.id === old);
      return (version?.expiresAt ?? 0) > before;
    });
    const key = play.provider.change((state) => state.keys.find((one) => one.tag?.endsWith(old)));
    expect(key?.expiresAt).toBe((await play.facts()).versions.find((one) => one.id === old)?.expiresAt);
  });

  it('tells people when somebody goes on using the old version after everybody has proved the new one', async () => {
    const play = await stage.play({
      entry: { consumers: [consumer('bot', { deadline: 300 })], silence: { for: 400 } },
    });
    const old = await rotated(play);
    const value = await play.valueOf(old);
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    await play.prove('bot');
    await until('people are told of the use', async () => {
      showValue(play.provider, value, Date.now());
      return (await stage.ledger.openAlarms(play.id)).some((alarm) => alarm.text.includes('still uses it'));
    });
    expect(play.liveVersions()).toContain(old);
    await play.result();
    expect(play.liveVersions()).not.toContain(old);
    expect(await stage.ledger.openAlarms(play.id)).toEqual([]);
  });

  it('lets a roll-back lapse whose version the provider has lost', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    const old = await rotated(play);
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    const fresh = (await play.current()).id;
    play.provider.change((state) => (state.keys = state.keys.filter((key) => !key.tag?.endsWith(old))));
    await stage.ledger.request({ kind: 'rollBack', credential: play.id, version: old, who: 'test', why: 'test' });
    await play.wake();
    await until(
      'the request has lapsed',
      async () => !(await play.facts()).requests.some((one) => one.kind === 'rollBack'),
    );
    expect((await play.current()).id).toBe(fresh);
    await play.prove('bot');
    await play.result();
    expect(play.liveVersions()).toEqual([fresh]);
  });
});
