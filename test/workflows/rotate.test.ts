import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consumer, openStage, type Stage } from '../support/rotation-world.ts';

describe('a rotation', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  it('makes, stages, verifies and promotes the first version, and is done', async () => {
    const play = await stage.play();
    await play.rotate();
    expect(await play.result()).toEqual({ outcome: 'rotated' });
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
    expect(play.shown()).toBe((await play.current()).id);
  });

  it('keeps the old version alive until the consumer proved the new one, then proves the old one dead', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    await play.rotate();
    await play.result();
    const old = (await play.current()).id;
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    expect(play.liveVersions()).toContain(old);
    expect(play.liveVersions()).toHaveLength(2);
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    const now = await play.current();
    expect(play.liveVersions()).toEqual([now.id]);
    const dead = (await play.facts()).versions.find((one) => one.id === old);
    expect(dead?.dead?.grade).toBe('refused');
    expect(dead?.copies.every((copy) => copy.gone)).toBe(true);
  });
});
