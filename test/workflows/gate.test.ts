import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { showValue } from '../../providers/in-memory/world.ts';
import { consumer, openStage, type Play, type PlayOptions, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** GATE, evidence, requests and roll-back as a scheduled rotation meets them (protocol 3, 5 and 6). */
describe('a scheduled rotation', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  async function confirming(options: PlayOptions = {}): Promise<{ play: Play; old: VersionId; fresh: VersionId }> {
    const play = await stage.play({ ...options, entry: { consumers: [consumer('bot')], ...options.entry } });
    await play.rotate();
    await play.result();
    const old = (await play.current()).id;
    for (const one of play.consumers()) await play.beat(one);
    await play.rotate();
    await play.reaches('confirming');
    return { play, old, fresh: (await play.current()).id };
  }

  const stillBoth = async (play: Play): Promise<void> => {
    await play.wake();
    // Two questions later nothing was revoked: each answer is awaited, no time is.
    await play.asksAgain();
    await play.asksAgain();
    expect(play.liveVersions()).toHaveLength(2);
  };

  it('is held when the deadline passes, tells people, revokes nothing, and ends by itself once the consumer proves', async () => {
    const { play, old, fresh } = await confirming({ entry: { consumers: [consumer('bot', { deadline: 200 })] } });
    await play.reaches('held');
    const alarms = await stage.ledger.openAlarms(play.id);
    expect(alarms.map((alarm) => alarm.text).join()).toContain('bot/one');
    expect(play.liveVersions().toSorted()).toEqual([old, fresh].toSorted());
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    expect(play.liveVersions()).toEqual([fresh]);
    expect(await stage.ledger.openAlarms(play.id)).toEqual([]);
  });

  it('waits for every instance, a late joiner too', async () => {
    const { play, fresh } = await confirming();
    await play.beat('bot', 'two');
    await play.prove('bot', 'one');
    await stillBoth(play);
    await play.prove('bot', 'two');
    await play.result();
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('counts an instance whose lease has lapsed as using the old version until it leaves', async () => {
    const { play, fresh } = await confirming();
    await stage.ledger.beat({ credential: play.id, consumer: 'bot', instance: 'gone', boot: 'b', lease: 1 });
    await play.prove('bot', 'one');
    await stillBoth(play);
    await stage.ledger.leave({ credential: play.id, consumer: 'bot', instance: 'gone', how: 'platform' });
    await play.wake();
    await play.result();
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('still waits for a consumer that was removed from the inventory during the hold, until it is waived', async () => {
    const consumers = [consumer('bot'), consumer('batch')];
    const { play, fresh } = await confirming({ entry: { consumers } });
    await play.prove('bot');
    await play.change({ consumers: [consumer('bot')] });
    await stillBoth(play);
    const { epoch } = (await play.facts()).epochs[0] ?? { epoch: 0 };
    await stage.ledger.waive({ credential: play.id, epoch, consumer: 'batch', who: 'test', why: 'decommissioned' });
    await play.wake();
    await play.result();
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('asks a consumer added during the hold as well', async () => {
    const { play, fresh } = await confirming();
    await play.change({ consumers: [consumer('bot'), consumer('batch')] });
    await play.prove('bot');
    await stillBoth(play);
    await play.prove('batch');
    await play.result();
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('takes a fall-back as withdrawn evidence', async () => {
    const consumers = [consumer('bot'), consumer('batch')];
    const { play, old, fresh } = await confirming({ entry: { consumers } });
    await play.prove('bot');
    const { epoch } = (await play.facts()).epochs[0] ?? { epoch: 0 };
    await stage.ledger.withdraw({
      credential: play.id,
      epoch,
      consumer: 'bot',
      instance: 'one',
      what: 'fell-back',
      version: old,
    });
    await play.prove('batch');
    await stillBoth(play);
    await play.prove('bot');
    await play.result();
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('holds when no consumer is declared: an empty register is "cannot tell"', async () => {
    const play = await stage.play({ entry: { consumers: [] } });
    await play.rotate();
    await play.result();
    const old = (await play.current()).id;
    await play.rotate();
    // Nobody has a deadline to wait for: people are told at once.
    await play.reaches('held');
    await stillBoth(play);
    expect(play.liveVersions()).toContain(old);
  });

  it('rolls back with half the consumers moved: the old version is current again under a new epoch, the new one dies after all have proved the way back', async () => {
    const consumers = [consumer('bot'), consumer('batch')];
    const { play, old, fresh } = await confirming({ entry: { consumers } });
    await play.prove('bot');
    await stage.ledger.request({
      kind: 'rollBack',
      credential: play.id,
      version: old,
      who: 'test',
      why: 'a grant is missing',
    });
    await play.wake();
    await until('the old version is current again', async () => (await play.current()).id === old);
    await until('consumers read the old version again', () => play.shown() === old);
    await play.prove('bot');
    await stillBoth(play);
    await play.prove('batch');
    expect((await play.result()).outcome).toBe('rolled-back');
    expect(play.liveVersions()).toEqual([old]);
    expect((await play.facts()).versions.find((version) => version.id === fresh)?.fate).toBe('dead');
  });

  it('stops for a pause and goes on after it', async () => {
    const { play, fresh } = await confirming();
    const pause = await stage.ledger.request({ kind: 'pause', credential: play.id, who: 'test', why: 'launch day' });
    await play.prove('bot');
    await play.reaches('held');
    expect(play.liveVersions()).toHaveLength(2);
    await stage.ledger.withdrawRequest({ id: pause.id, who: 'test', why: 'over' });
    await play.wake();
    await play.result();
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('in mode ask stops before revoking until a person lets it go on', async () => {
    const { play, fresh } = await confirming({ entry: { consumers: [consumer('bot')], mode: 'ask' } });
    await play.prove('bot');
    await play.reaches('held');
    expect(play.liveVersions()).toHaveLength(2);
    await stage.ledger.request({
      kind: 'release',
      release: 'ask',
      credential: play.id,
      who: 'test',
      why: 'looked at it',
    });
    await play.wake();
    await play.result();
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('goes on without proof only after release --unproved, and never past a dead survivor', async () => {
    const { play, fresh } = await confirming();
    await stage.ledger.request({
      kind: 'release',
      release: 'unproved',
      credential: play.id,
      who: 'test',
      why: 'the consumer is gone',
    });
    await play.wake();
    await play.result();
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('waits until the old version was silent for T, and a use starts the window again', async () => {
    const { play, old, fresh } = await confirming({
      entry: { consumers: [consumer('bot')], silence: { for: 1_500 } },
    });
    const value = await play.valueOf(old);
    await play.prove('bot');
    await play.reaches('soaking');
    const usedAt = Date.now();
    expect(showValue(play.provider, value, usedAt)).toBe('accepted');
    await play.result();
    const killed = (await play.facts()).versions.find((version) => version.id === old)?.dead?.at ?? 0;
    expect(killed - usedAt).toBeGreaterThanOrEqual(1_500);
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('never counts our own verification as use of the old version', async () => {
    const { play, old } = await confirming({ entry: { consumers: [consumer('bot')], silence: { for: 300 } } });
    const uses = play.usesOf(old);
    await play.prove('bot');
    await play.result();
    // The refusal check comes after the revoke and is refused: it counts nothing.
    expect(play.usesOf(old)).toBe(uses);
  });

  it('starts once when two ask at the same time', async () => {
    const play = await stage.play();
    await Promise.all([play.rotate(), play.rotate()]);
    await play.result();
    expect((await play.facts()).versions).toHaveLength(1);
  });

  it('goes on where it was when its run was terminated and somebody rotates by hand', async () => {
    const { play, old, fresh } = await confirming();
    await stage.client.workflow.getHandle(`rotation/${play.id}`).terminate('test');
    await play.rotateQuietly();
    await play.reaches('confirming');
    expect((await play.current()).id).toBe(fresh);
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    expect(play.liveVersions()).not.toContain(old);
    expect(play.liveVersions()).toContain(fresh);
  });

  it('leaves projections that equal a rebuild from events', async () => {
    const before = await stage.ledger.dump();
    await stage.ledger.rebuild();
    expect(await stage.ledger.dump()).toEqual(before);
    expect((await stage.ledger.verifyChain()).broken).toEqual([]);
  });
});
