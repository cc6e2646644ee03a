import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { consumer, openStage, type Play, type PlayOptions, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** Protocol 7: what must come out when `escalate` arrives in each step, for the old and the new version leaked. */
describe('an escalation', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  /** One version is current, its consumer beats and never proves another. */
  async function settled(options: PlayOptions = {}): Promise<{ play: Play; old: VersionId }> {
    const play = await stage.play({ ...options, entry: { consumers: [consumer('bot')], ...options.entry } });
    await play.rotate();
    await play.result();
    await play.beat('bot');
    return { play, old: (await play.current()).id };
  }

  const newest = async (play: Play): Promise<VersionId> => {
    const { versions } = await play.facts();
    const last = versions.at(-1);
    if (last === undefined) throw new Error('no version was planned');
    return last.id;
  };

  async function expectOnlyLive(play: Play, version: VersionId): Promise<void> {
    expect(play.liveVersions()).toEqual([version]);
    expect(play.shown()).toBe(version);
    const facts = await play.facts();
    expect(facts.epochs[0]?.version).toBe(version);
    expect(facts.versions.filter((one) => one.id !== version).every((one) => one.fate === 'dead')).toBe(true);
  }

  for (const [step, operation] of [
    ['issuing', 'issue'],
    ['verifying', 'verify'],
    ['promoting', 'promote'],
  ] as const) {
    it(`in ${step}, the old version leaked: the effect finishes and the rotation goes on without waiting`, async () => {
      const { play, old } = await settled();
      const first = await newest(play);
      const held = await arriveIn(play, operation);
      const fresh = await newest(play);
      expect(fresh).not.toBe(first);
      await play.leak([old]);
      held.letGo();
      expect((await play.result()).outcome).toBe('rotated');
      await expectOnlyLive(play, fresh);
    });
  }

  for (const [step, operation] of [
    ['issuing', 'issue'],
    ['verifying', 'verify'],
  ] as const) {
    it(`in ${step}, the new version leaked: the effect finishes, it is discarded and another is issued`, async () => {
      const { play, old } = await settled();
      const held = await arriveIn(play, operation);
      const leaked = await newest(play);
      await play.leak([leaked]);
      held.letGo();
      await until('another version is current', async () => ![old, leaked].includes((await play.current()).id));
      expect((await play.facts()).epochs.map((epoch) => epoch.version)).not.toContain(leaked);
      const third = (await play.current()).id;
      await play.prove('bot');
      await play.result();
      await expectOnlyLive(play, third);
    });
  }

  it('in promoting, the new version leaked: the old becomes current again, then another is issued', async () => {
    const { play, old } = await settled();
    const held = await arriveIn(play, 'promote');
    const leaked = await newest(play);
    await play.leak([leaked]);
    held.letGo();
    await until('another version is current', async () => ![old, leaked].includes((await play.current()).id));
    const { epochs } = await play.facts();
    expect(epochs.slice(1).map((epoch) => epoch.version)).toContain(old);
    expect(play.liveVersions()).not.toContain(leaked);
    const third = (await play.current()).id;
    await play.prove('bot');
    await play.result();
    await expectOnlyLive(play, third);
  });

  it('in confirming, the old version leaked: it is revoked now, whoever has not proved', async () => {
    const { play, old } = await settled();
    await play.rotate();
    await play.reaches('confirming');
    await play.leak([old]);
    expect((await play.result()).outcome).toBe('rotated');
    await expectOnlyLive(play, (await play.current()).id);
  });

  it('in confirming, the new version leaked: the old is current again first, then another is issued', async () => {
    const { play, old } = await settled();
    await play.rotate();
    await play.reaches('confirming');
    const leaked = (await play.current()).id;
    await play.leak([leaked]);
    await until('another version is current', async () => ![old, leaked].includes((await play.current()).id));
    const { epochs } = await play.facts();
    expect(epochs.map((epoch) => epoch.version).slice(1, 3)).toEqual([old, leaked]);
    await play.prove('bot');
    await play.result();
    await expectOnlyLive(play, epochs[0]?.version ?? old);
  });

  it('when both leaked, another is issued and all else dies', async () => {
    const { play, old } = await settled();
    await play.rotate();
    await play.reaches('confirming');
    const leaked = (await play.current()).id;
    await play.leak([old, leaked]);
    await play.result();
    const third = (await play.current()).id;
    expect([old, leaked]).not.toContain(third);
    await expectOnlyLive(play, third);
  });

  it('while held past its deadline, the old version leaked: it is revoked now', async () => {
    const { play, old } = await settled({ entry: { consumers: [consumer('bot', { deadline: 100 })] } });
    await play.rotate();
    await play.reaches('held');
    await play.leak([old]);
    expect((await play.result()).outcome).toBe('rotated');
    await expectOnlyLive(play, (await play.current()).id);
  });

  it('while paused, the old version leaked: the pause does not hold it', async () => {
    const { play, old } = await settled();
    await play.rotate();
    await play.reaches('confirming');
    await stage.ledger.request({ kind: 'pause', credential: play.id, who: 'test', why: 'test' });
    await play.wake();
    await play.reaches('held');
    await play.leak([old]);
    expect((await play.result()).outcome).toBe('rotated');
    await expectOnlyLive(play, (await play.current()).id);
  });

  it('while the old version soaks suspended, the new one leaked: the old is resumed and current again, then another is issued', async () => {
    const { play, old } = await settled({ entry: { soak: 600_000 } });
    await play.rotate();
    await play.reaches('confirming');
    await play.prove('bot');
    await play.reaches('soaking');
    await until('the old version is suspended', () => !play.liveVersions().includes(old));
    const leaked = (await play.current()).id;
    await play.leak([leaked]);
    await until('another version is current', async () => ![old, leaked].includes((await play.current()).id));
    const { epochs } = await play.facts();
    expect(epochs[1]?.version).toBe(old);
    expect(play.liveVersions()).toContain(old);
    expect(play.liveVersions()).not.toContain(leaked);
  });

  it('in revoking, the new version leaked: another is issued, and the old one still dies', async () => {
    const { play, old } = await settled();
    await play.rotate();
    await play.reaches('confirming');
    const held = play.hold('revoke');
    await play.prove('bot');
    await held.arrived;
    const leaked = (await play.current()).id;
    await play.leak([leaked]);
    held.letGo();
    await until('another version is current', async () => ![old, leaked].includes((await play.current()).id));
    await play.prove('bot');
    await play.result();
    const third = (await play.current()).id;
    await expectOnlyLive(play, third);
    expect((await play.facts()).epochs.slice(1).map((epoch) => epoch.version)).not.toContain(third);
  });

  it('with no rotation running, one starts, kills the leaked version and replaces it', async () => {
    const { play, old } = await settled();
    await play.leak([old]);
    await play.result();
    expect((await play.current()).id).not.toBe(old);
    await expectOnlyLive(play, (await play.current()).id);
  });

  async function arriveIn(play: Play, operation: string): Promise<{ letGo(): void }> {
    // The plan verifies the current version first: that call passes.
    if (operation === 'verify') {
      const first = play.hold('verify');
      await play.rotate();
      await first.arrived;
      const second = play.hold('verify');
      first.letGo();
      await second.arrived;
      return second;
    }
    const held = play.hold(operation);
    await play.rotate();
    await held.arrived;
    return held;
  }
});
