import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consumer, openStage, type Stage } from '../support/rotation-world.ts';

/** A rehearsal discards what it made, unless something leaked meanwhile: then it is a rotation in earnest (protocol 3, 7). */
describe('a rehearsal', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  it('during which the current version leaked replaces it in earnest', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    await play.rotate();
    await play.result();
    await play.beat('bot');
    const old = (await play.current()).id;
    const held = play.hold('issue');
    await play.rotate({ rehearse: true });
    await held.arrived;
    await play.leak([old]);
    held.letGo();
    expect((await play.result()).outcome).toBe('rotated');
    const now = (await play.current()).id;
    expect(now).not.toBe(old);
    expect(play.liveVersions()).toEqual([now]);
    expect(play.shown()).toBe(now);
  });

  it('during which somebody asks for a roll-back leaves the version it names alone', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    await play.rotate();
    await play.result();
    await play.beat('bot');
    const old = (await play.current()).id;
    await play.rotate();
    await play.reaches('confirming');
    const fresh = (await play.current()).id;
    await stage.client.workflow.getHandle(`rotation/${play.id}`).terminate('test');
    await stage.ledger.request({ kind: 'rollBack', credential: play.id, version: old, who: 'test', why: 'test' });
    await play.rotate({ rehearse: true });
    expect((await play.result()).outcome).toBe('discarded');
    expect(play.liveVersions().toSorted()).toEqual([old, fresh].toSorted());
    expect(play.shown()).toBe(fresh);
  });
});
