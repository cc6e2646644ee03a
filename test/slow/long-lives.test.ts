import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as after } from 'node:timers/promises';
import { queues } from '../../domain/queues.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { showValue } from '../../providers/in-memory/world.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { consumer, openStage, quick, type Play, type PlayOptions, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** Rotations that outlive outages, long waits and revocations that fail for hours (protocol 2, 3, 5 and 10). */
describe('a rotation that takes long', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  async function confirming(
    options: PlayOptions = {},
    pace = quick,
  ): Promise<{ play: Play; old: VersionId; fresh: VersionId }> {
    const play = await stage.play({ ...options, entry: { consumers: [consumer('bot')], ...options.entry } });
    await play.rotate();
    await play.result();
    const old = (await play.current()).id;
    for (const one of play.consumers()) await play.beat(one);
    await play.rotate({ pace });
    await play.reaches('confirming');
    return { play, old, fresh: (await play.current()).id };
  }

  const diedAt = async (play: Play, version: VersionId): Promise<number> =>
    (await play.facts()).versions.find((one) => one.id === version)?.dead?.at ?? 0;
  const runOf = async (play: Play): Promise<string> =>
    (await stage.client.workflow.getHandle(`rotation/${play.id}`).describe()).runId;
  const endTrouble = (play: Play): void => {
    play.provider.change((state) => (state.troubles = []));
  };

  it('after an outage of twice the deadline is not held for that, and no silence is shortened by it', async () => {
    const deadline = 3_000;
    const silence = { for: 7_000 };
    const read = await confirming({ entry: { silence } });
    const seen = await confirming({ powers: { usage: 'sample' }, entry: { silence } });
    const value = await read.play.valueOf(read.old);
    await until('sessions are watched', async () => (await stage.ledger.watched(seen.old)) !== undefined);
    const late = await confirming({ entry: { consumers: [consumer('bot', { deadline })] } });

    await Promise.all([read.play.prove('bot'), seen.play.prove('bot')]);
    await stage.stopWorker();
    await after(2 * deadline - 500);
    const usedAt = Date.now();
    expect(showValue(read.play.provider, value, usedAt)).toBe('accepted');
    await after(500);
    const backAt = Date.now();
    await stage.startWorker();

    await late.play.reaches('held');
    const alarms = await stage.ledger.openAlarms(late.play.id);
    expect(Math.min(...alarms.map((alarm) => alarm.raisedAt)) - backAt).toBeGreaterThan(deadline / 3);
    await Promise.all([read.play.result(), seen.play.result()]);
    expect((await diedAt(read.play, read.old)) - usedAt).toBeGreaterThanOrEqual(silence.for);
    expect((await diedAt(seen.play, seen.old)) - backAt).toBeGreaterThanOrEqual(silence.for);
    await late.play.prove('bot');
    expect((await late.play.result()).outcome).toBe('rotated');
  }, 60_000);

  it('believes no reading from before an outage: a use while nobody watched is seen before anything is revoked', async () => {
    const silence = { for: 2_500 };
    const { play, old } = await confirming({ entry: { silence } });
    const value = await play.valueOf(old);
    await until('the old version was silent for T once', async () => {
      const seen = await stage.ledger.watched(old);
      return seen !== undefined && seen.watchedUntil - seen.watchingSince > silence.for;
    });
    await stage.stopWorker();
    await play.prove('bot');
    const usedAt = Date.now();
    expect(showValue(play.provider, value, usedAt)).toBe('accepted');
    await stage.startWorker();
    await play.result();
    expect((await diedAt(play, old)) - usedAt).toBeGreaterThanOrEqual(silence.for);
  }, 60_000);

  it('counts silence only as far as a lagging signal can tell: a use that it does not show yet restarts T', async () => {
    const [lag, silence] = [3_000, { for: 1_000 }];
    const { play, old } = await confirming({ settings: { usageLag: lag }, entry: { silence } });
    const value = await play.valueOf(old);
    await play.prove('bot');
    await play.reaches('soaking');
    await until('the old version is watched', async () => (await stage.ledger.watched(old)) !== undefined);
    const usedAt = Date.now();
    expect(showValue(play.provider, value, usedAt)).toBe('accepted');
    await play.result();
    expect((await diedAt(play, old)) - usedAt).toBeGreaterThanOrEqual(silence.for + lag);
  });

  it('continues as new while it waits, and keeps what an escalation said', async () => {
    const { play, old, fresh } = await confirming({}, { ...quick, renewAfter: 300 });
    const first = await runOf(play);
    await until('it has continued as new', async () => {
      await play.wake();
      return (await runOf(play)) !== first;
    });
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 10_000);
    await play.leak([old]);
    await play.reaches('revoking');
    const escalated = await runOf(play);
    await until('it has continued as new, escalated', async () => (await runOf(play)) !== escalated);
    endTrouble(play);
    expect((await play.result()).outcome).toBe('rotated');
    expect(play.liveVersions()).toEqual([fresh]);
    // The run that came after heard no signal: only what was carried over sends its effects to the emergency queue.
    const { events } = await stage.client.workflow.getHandle(`rotation/${play.id}`).fetchHistory();
    const asked = events?.flatMap((event) => event.activityTaskScheduledEventAttributes?.taskQueue?.name ?? []) ?? [];
    expect(new Set(asked)).toEqual(new Set([queues.emergency]));
  });

  it('ends as indebted when a version takes too long to die, and the debt is settled without it', async () => {
    const { play, old, fresh } = await confirming({ settings: { revokeSpread: 1_500 } }, { ...quick, debtAfter: 400 });
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('indebted');
    expect((await play.facts()).versions.find((one) => one.id === old)).toMatchObject({
      debtMoved: true,
      fate: 'doomed',
    });
    const kinds = (await stage.ledger.history({ credential: play.id, limit: 500 })).map((event) => event.kind);
    expect(kinds).toContain('debt.moved');
    await until('the debt is settled', async () => (await diedAt(play, old)) > 0);
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('rotates again beside a debt, which is in no plan', async () => {
    const { play, old, fresh } = await confirming({ settings: { revokeSpread: 3_000 } }, { ...quick, debtAfter: 300 });
    await play.prove('bot');
    await play.result();
    await play.rotate();
    await play.reaches('confirming');
    const third = (await play.current()).id;
    expect([old, fresh]).not.toContain(third);
    expect(await diedAt(play, old)).toBe(0);
    await play.prove('bot');
    await play.result();
    await until('the debt is settled', async () => (await diedAt(play, old)) > 0);
    expect(play.liveVersions()).toEqual([third]);
  }, 60_000);

  it('stays open on slots until its version is dead: a slot in doubt is lent to nobody', async () => {
    const { play, old } = await confirming(
      { powers: { keys: 'dual-slot', makes: 'generate' }, settings: { revokeSpread: 1_500 } },
      { ...quick, debtAfter: 200 },
    );
    await play.prove('bot');
    await until('it has been asked to move', async () => {
      const status = await stage.rotations.status(play.id);
      return status?.waitsFor?.includes('the slot stays in doubt') ?? false;
    });
    expect((await play.facts()).versions.find((one) => one.id === old)?.debtMoved).toBe(false);
    await until('it is dead', async () => {
      await play.wake();
      return (await diedAt(play, old)) > 0;
    });
    expect((await play.result()).outcome).toBe('rotated');
  });
});
