import { describe, expect, it } from 'vitest';
import { askAgainIn, backoff, momentDueAt, nextPageAt, pagesDue, tellAgainIn } from '../../domain/incident-clock.ts';
import { batchSize, startsPerSecond } from '../../domain/queues.ts';

describe('the clock of an incident', () => {
  const start = { declaredAt: 1_000, clock: 15 * 60_000 };

  it('gives each moment its share, counted from the declaration', () => {
    expect(momentDueAt(start, 'declared')).toBe(1_000);
    expect(momentDueAt(start, 'contained')).toBe(1_000 + 2 * 60_000);
    expect(momentDueAt(start, 'dead')).toBe(1_000 + 5 * 60_000);
    expect(momentDueAt(start, 'reported')).toBe(1_000 + 15 * 60_000);
  });

  it('asks for outcomes half as often again each time that nothing is new, up to fifteen times as rarely', () => {
    expect([0, 1, 2].map((unchanged) => askAgainIn(2_000, unchanged))).toEqual([2_000, 3_000, 4_500]);
    expect(askAgainIn(2_000, 50)).toBe(30_000);
  });

  it('pages at half, at four fifths and at the end, each once', () => {
    expect(pagesDue(start, 1_000 + 7 * 60_000, [])).toEqual([]);
    expect(pagesDue(start, 1_000 + 7.5 * 60_000, [])).toEqual([50]);
    expect(pagesDue(start, 1_000 + 20 * 60_000, [50])).toEqual([80, 100]);
    expect(pagesDue(start, 1_000 + 20 * 60_000, [50, 80, 100])).toEqual([]);
  });

  it('knows when the next page is due, and that none is', () => {
    expect(nextPageAt(start, [])).toBe(1_000 + 7.5 * 60_000);
    expect(nextPageAt(start, [50, 80, 100])).toBeUndefined();
  });

  it('tells rotations again after 30 s, 1 min and 2 min, never more rarely than once a clock', () => {
    expect([0, 1, 2, 30].map((times) => tellAgainIn(start.clock, times))).toEqual([30_000, 60_000, 120_000, 900_000]);
  });

  it('waits longer after each failure, up to a bound', () => {
    const pace = { retryFrom: 500, retryTo: 60_000 };
    expect([1, 2, 3, 50].map((failures) => backoff(pace, failures))).toEqual([500, 1_000, 2_000, 60_000]);
  });
});

describe('batches of a target', () => {
  it('are whole where nothing limits it, and about a second of calls where something does', () => {
    expect(batchSize(undefined)).toBe(25);
    expect(batchSize({ calls: 600, per: 60_000 })).toBe(10);
    expect(batchSize({ calls: 1, per: 60_000 })).toBe(1);
    expect(batchSize({ calls: 1_000, per: 1_000 })).toBe(25);
  });

  it('start no faster than their calls may', () => {
    const rate = { calls: 600, per: 60_000 };
    expect(startsPerSecond(rate) * (batchSize(rate) + 1)).toBeCloseTo(10);
  });
});
