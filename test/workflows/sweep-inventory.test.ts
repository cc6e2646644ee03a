import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inMemoryBackend } from '../../backends/in-memory.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { restoredNote } from '../../domain/reconcile.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { quick } from '../support/entries.ts';
import { consumer, type Play } from '../support/rotation-world.ts';
import { openSweepStage, type SweepStage } from '../support/sweep-world.ts';
import { until } from '../support/until.ts';

const ever = 90 * 86_400_000;
/** Due while a test can wait for it, and not before the rotation that honours it has ended. */
const soon = { every: 8_000, jitter: 0, windows: [] };

describe('a sweep by the Schedule', () => {
  let stage: SweepStage;
  const called: string[] = [];
  const vanished: string[] = [];
  beforeAll(async () => {
    stage = await openSweepStage({
      importJournals: async () => ['incident'],
      deliverNotices: async () => void called.push('notices'),
      writeByHandBundle: async () => void called.push('bundle'),
      declareVanished: async ({ version }) => void vanished.push(version),
    });
  }, 60_000);
  afterAll(() => stage.close());

  const runIds = async (id: string): Promise<readonly string[]> => {
    const seen: string[] = [];
    for await (const one of stage.client.workflow.list({ query: `WorkflowId = 'rotation/${id}'` }))
      seen.push(one.runId);
    return seen;
  };

  it('starts what was never rotated, under its canonical id, with the reason of the run', async () => {
    const play = await stage.play();
    const report = await stage.sweep();
    expect(report.failed).toEqual([]);
    expect(report.sweepDue).toMatchObject({ started: { neverRotated: 1 } });
    expect((await play.result()).outcome).toBe('rotated');
    const started = (await stage.ledger.history({ credential: play.id, limit: 100 })).find(
      ({ kind }) => kind === 'rotation.started',
    );
    expect(started).toMatchObject({ actor: 'sweep', body: { reason: 'neverRotated' } });
    expect((await stage.sweep()).sweepDue).toMatchObject({ started: {} });
    expect(await runIds(play.id)).toHaveLength(1);
  });

  it('starts what is due, oldest first, no more at one target than the cap, and the rest by the next sweep', async () => {
    const plays: Play[] = [];
    for (let index = 0; index < 3; index += 1) {
      const play = await stage.play();
      await play.rotateQuietly();
      await play.result();
      plays.push(play);
    }
    for (const play of plays) await play.change({ schedule: soon });
    await until('all three are due', async () => {
      const facts = await Promise.all(plays.map((play) => play.facts()));
      return facts.every(({ due, now }) => (due.at ?? now + 1) <= now);
    });
    // Each has a target of its own: the cap of the whole sweep does what the cap of a target does.
    const first = await stage.sweep({ starts: 2 });
    expect(first.sweepDue).toMatchObject({ started: { maximumAgeReached: 2 } });
    for (const play of plays.slice(0, 2)) {
      await play.result();
      await play.change({ schedule: { ...soon, every: ever } });
    }
    const second = await stage.sweep({ starts: 2 });
    expect(second.sweepDue).toMatchObject({ started: { maximumAgeReached: 1 } });
    const last = plays[2];
    await last?.result();
    await last?.change({ schedule: { ...soon, every: ever } });
  });

  it('starts again a run that was terminated, once, and it ends', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    await play.rotateQuietly();
    await play.result();
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    const lost = (await play.facts()).openRun?.run;
    await stage.client.workflow.getHandle(`rotation/${play.id}`).terminate('lost');
    const report = await stage.sweep();
    expect(report.sweepLost).toMatchObject({ started: { runLost: 1 } });
    await play.reaches('confirming');
    expect((await play.facts()).openRun?.run).not.toBe(lost);
    expect((await stage.sweep()).sweepLost).toMatchObject({ started: {} });
    await play.prove('bot');
    // The run that was lost had decided; the one that took its place ended what that began.
    expect((await play.result()).outcome).toBe('rotated');
    expect(play.liveVersions()).toHaveLength(1);
  });

  it('starts a debt again that Temporal lost, and it is settled', async () => {
    const play = await stage.play();
    await play.rotateQuietly();
    await play.result();
    const old = (await play.current()).id;
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 1_000);
    await play.rotate({ pace: { ...quick, debtAfter: 0 } });
    expect((await play.result()).outcome).toBe('indebted');
    await stage.client.workflow.getHandle(`settleDebt/${old}`).terminate('lost');
    play.provider.change((state) => {
      state.troubles = [];
    });
    expect((await stage.sweep()).sweepLost).toMatchObject({ debts: 1 });
    await until('the debt is settled', async () =>
      (await play.facts()).versions.some((one) => one.id === old && one.fate === 'dead'),
    );
  });

  it('sees a backend that shows something else, alarms, has the rotation repair it, and cures the alarm', async () => {
    const play = await stage.play();
    await play.rotateQuietly();
    await play.result();
    const { id } = await play.current();
    const shelf = play.backends['shelf'];
    if (shelf === undefined) throw new Error('no shelf');
    shelf.shelf(play.path).generations = [];
    const report = await stage.sweep();
    expect(report.sweepDrift).toMatchObject({ drifted: 1, started: 1 });
    await play.result();
    expect(play.shown()).toBe(id);
    expect((await stage.ledger.openAlarms(play.id)).map(({ key }) => key.split('/')[0])).toEqual(['drift']);
    await stage.sweep();
    expect(await stage.ledger.openAlarms(play.id)).toEqual([]);
  });

  it.each(['the same version', 'a version it has never heard of'])(
    'has the rotation go past %s under an epoch that a restored ledger has lost, while its own lives',
    async (lost) => {
      const play = await stage.play();
      await play.rotateQuietly();
      await play.result();
      const { id } = await play.current();
      const shelf = play.backends['shelf'];
      const own = shelf?.shelf(play.path).staged.get(id);
      if (shelf === undefined || own === undefined) throw new Error('nothing is staged');
      const version = lost === 'the same version' ? id : versionIdFrom(new Uint8Array(64).fill(9));
      const call = { signal: AbortSignal.timeout(5_000), deadline: Date.now() + 5_000, now: () => Date.now() };
      const place = { credential: play.id, path: play.path };
      const backend = inMemoryBackend('shelf', shelf);
      await backend.stage(place, { ...own, version }, call);
      await backend.promote(place, { version, epoch: 3, expected: id }, call);
      await stage.ledger.remember(restoredNote, '1');
      expect((await stage.sweep()).sweepDrift).toMatchObject({ drifted: 1, started: 1 });
      await play.result();
      const { epochs } = await play.facts();
      expect([play.shown(), shelf.main(play.path)?.['keybaton_epoch']]).toEqual([id, String(epochs[0]?.epoch)]);
      expect(epochs[0]?.epoch).toBeGreaterThanOrEqual(3);
      await stage.sweep();
      expect(await stage.ledger.openAlarms(play.id)).toEqual([]);
    },
  );

  it('leaves an observing credential what it is', async () => {
    const play = await stage.play({ entry: { mode: 'observe' } });
    await stage.sweep();
    expect((await play.result()).outcome).toBe('observed');
    expect(play.liveVersions()).toEqual([]);
    expect((await stage.sweep()).sweepDue).toMatchObject({ started: {}, held: { 'observed a while ago': 1 } });
  });

  it('calls its hooks, the daily one once a day', async () => {
    called.length = 0;
    const report = await stage.sweep();
    expect(report.sweepHooks).toMatchObject({ troubled: [] });
    expect(called).toContain('notices');
    called.length = 0;
    await stage.sweep();
    expect(called).toEqual(['notices']);
  });

  // Missed for -1: a look within the same millisecond would put the next one off by a minute.
  it('says of a key of ours that is gone that nobody here did it', async () => {
    const play = await stage.play();
    await play.rotateQuietly();
    await play.result();
    const { id } = await play.current();
    play.provider.change((state) => {
      state.keys.splice(0, state.keys.length);
    });
    await stage.sweep({ reconcile: 0, targets: 100, missedFor: -1 });
    await until('it is missed twice', async () => {
      await stage.sweep({ reconcile: 0, targets: 100, missedFor: -1 });
      return vanished.includes(id);
    });
    expect((await stage.ledger.openAlarms(play.id)).map(({ key }) => key)).toContain(`vanished/${id}`);
  });

  it('declares nothing over a key that is not listed and is still accepted: the list may be of another account', async () => {
    const play = await stage.play();
    await play.rotateQuietly();
    await play.result();
    const { id } = await play.current();
    play.provider.change((state) => {
      for (const key of state.keys) {
        delete key.tag;
        Object.assign(key, { id: 'hidden' });
      }
    });
    await until('it is missed twice', async () => {
      await stage.sweep({ reconcile: 0, targets: 100, missedFor: -1 });
      return (await stage.ledger.openAlarms(play.id)).some(({ key }) => key === `vanished/${id}`);
    });
    const [alarm] = (await stage.ledger.openAlarms(play.id)).filter(({ key }) => key === `vanished/${id}`);
    expect(alarm?.text).toContain('still accepted');
    expect(vanished).not.toContain(id);
  });

  it('ends the alarm over a key that was not listed once it is listed again', async () => {
    const play = await stage.play();
    await play.rotateQuietly();
    await play.result();
    const { id } = await play.current();
    const before = play.provider.change((state) => structuredClone(state.keys));
    play.provider.change((state) => {
      for (const key of state.keys) {
        delete key.tag;
        Object.assign(key, { id: 'hidden' });
      }
    });
    const stands = async () => (await stage.ledger.openAlarms(play.id)).some(({ key }) => key === `vanished/${id}`);
    await until('it is missed twice', async () => {
      await stage.sweep({ reconcile: 0, targets: 100, missedFor: -1 });
      return stands();
    });
    play.provider.change((state) => {
      state.keys.splice(0, state.keys.length, ...before);
    });
    // What is suspicious is looked at again after a minute: as if it had passed.
    await stage.sweep({ reconcile: -70_000, targets: 100, missedFor: -1 });
    expect(await stands()).toBe(false);
  });

  it('starts nothing that is paused, and writes nothing anywhere by itself', async () => {
    const play = await stage.play({ entry: { schedule: soon } });
    await stage.ledger.request({ kind: 'pause', credential: play.id, who: 'ada', why: 'quiet' });
    const report = await stage.sweep({ reconcile: 0, targets: 100 });
    expect(report.sweepDue).toMatchObject({ held: { paused: 1 } });
    expect(play.liveVersions()).toEqual([]);
    expect(play.shown()).toBeUndefined();
    expect(await runIds(play.id)).toEqual([]);
  });
});
