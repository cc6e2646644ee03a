import { describe, expect, it } from 'vitest';
import { drillDue, measureDrill, whyNoDrill, type ThiefUse } from '../../domain/drill.ts';
import { current, epoch, facts, now, request, version } from './facts.ts';

const use = (began: number, answer: ThiefUse['answer'], took = 10): ThiefUse => ({
  began,
  ended: began + took,
  answer,
});
const times = (uses: readonly ThiefUse[], deadAt: number | null = 5_000) => ({
  ...{ declaredAt: 1_000, containedAt: 2_000, deadAt },
  uses,
});
const good = [use(500, 'accepted'), use(1_500, 'accepted'), use(2_500, 'refused'), use(5_500, 'refused')];
const minute = 60_000;
const day = 86_400_000;

describe('what a drill measures', () => {
  it('is counted from the declaration', () => {
    expect(measureDrill(times(good))).toEqual({
      ...{ toContained: 1_000, toDead: 4_000, toLastUse: 510, verdict: 'passed', because: [] },
      uses: {
        ...{ tried: 4, unanswered: 0, beforeDeclared: 1, afterDeclared: 1, afterDead: 0 },
        answeredAfterDead: 1,
      },
    });
  });

  it('counts a key that is forbidden to do something as alive', () => {
    expect(measureDrill(times([...good, use(6_000, 'forbidden')]))).toMatchObject({ verdict: 'failed' });
  });

  it('has a last use by its answer, also of one that began before the declaration', () => {
    expect(measureDrill(times([use(900, 'accepted', 300), use(5_500, 'refused')])).toLastUse).toBe(200);
    expect(measureDrill(times([use(500, 'accepted'), use(5_500, 'refused')])).toLastUse).toBeNull();
  });

  it.each([
    ['the thief got through after the proof', times([...good, use(6_000, 'accepted')]), /got through 1 times after/],
    ['nothing was proved', times(good, null), /not proved dead/],
    ['the proof came too late', times([...good, use(17 * minute, 'refused')], 16 * minute + 2_000), /later than 15/],
    ['the thief never got in', times([use(500, 'refused'), use(5_500, 'refused')]), /never got in/],
    [
      'the thief was not answered after the proof',
      times([use(500, 'accepted'), use(5_500, 'unanswered')]),
      /no answer/,
    ],
  ])('fails when %s', (_when, given, because) => {
    const measured = measureDrill(given);
    expect(measured.verdict).toBe('failed');
    expect(measured.because.join()).toMatch(because);
  });

  it('fails with the trouble there was, whatever else was seen', () => {
    expect(measureDrill(times(good), 'the disk is full')).toMatchObject({
      ...{ verdict: 'failed', because: ['the disk is full'] },
    });
  });
});

describe('a scheduled drill', () => {
  it('is due by the tier: 30 days, 90 days, never', () => {
    expect([drillDue('critical', now - 30 * day, now), drillDue('critical', now - 30 * day + 1, now)]).toEqual([
      true,
      false,
    ]);
    expect([drillDue('standard', now - 90 * day, now), drillDue('standard', now - 90 * day + 1, now)]).toEqual([
      true,
      false,
    ]);
    expect([drillDue('low', undefined, now), drillDue('low', 0, now)]).toEqual([false, false]);
  });

  it('is due where there never was one', () => {
    expect(drillDue('standard', undefined, now)).toBe(true);
  });
});

describe('a drill begins', () => {
  const resting = facts({ versions: [current('a')], epochs: [epoch(1, 'a')] });

  it('for a credential at rest', () => {
    expect(whyNoDrill(resting)).toBeUndefined();
  });

  it.each([
    ['retired', { status: 'retiring' as const }, /retiring/],
    ['of a ledger that only observes', { observeOnly: true }, /only observes/],
    ['that only observes', { entry: { ...resting.entry, mode: 'observe' as const } }, /mode observe/],
    ['frozen', { requests: [request({ kind: 'freeze' })] }, /frozen/],
    ['paused', { requests: [request({ kind: 'pause' })] }, /paused/],
    ['rotating', { openRun: { run: 'r', startedAt: now } }, /rotating/],
    ['that is to rotate', { requests: [request({ kind: 'rotate' })] }, /is to rotate/],
    ['never rotated', { epochs: [], versions: [] }, /is to rotate/],
    ['with a leak', { versions: [current('a'), version('b', { fate: 'doomed', compromised: true })] }, /compromised/],
    [
      'with the key of an earlier drill',
      { versions: [current('a'), version('b', { fate: 'doomed', drill: true })] },
      /earlier|not dead yet/,
    ],
  ])('not for one %s', (_which, changes, why) => {
    expect(whyNoDrill({ ...resting, ...changes })).toMatch(why);
  });
});
