import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dueReason, mayStart, minuteOfWeek, nextAttempt, nextDue } from '../../domain/due.ts';
import type { CredentialFacts } from '../../domain/facts.ts';
import { epoch, facts, now, request } from './facts.ts';

const minute = 60_000;
const week = 7 * 24 * 60;
const rotated = (changes: Partial<CredentialFacts> = {}): CredentialFacts =>
  facts({ epochs: [epoch(1, 'a')], ...changes });
const check = (given: CredentialFacts): string | undefined => dueReason(given)?.check;

describe('a credential is due', () => {
  it('when it was never rotated', () => expect(check(facts())).toBe('neverRotated'));
  it('when the schedule asks for it, and not before', () => {
    const at = (due: number): CredentialFacts => rotated({ due: { ...facts().due, at: due } });
    expect(check(at(now))).toBe('maximumAgeReached');
    expect(check(at(now + 1))).toBeUndefined();
  });
  it('when the version that honoured it is compromised', () => {
    expect(check(rotated({ due: { ...facts().due, reopened: true } }))).toBe('compromisedReplacement');
  });
  it('when somebody asked, and says who and why', () => {
    const given = rotated({ requests: [request({ who: 'ada', why: 'new hire' })] });
    expect(dueReason(given)).toEqual({ check: 'rotationRequested', why: 'ada asked: new hire' });
  });
  it('by no other request', () => {
    for (const kind of ['pause', 'freeze', 'rollBack', 'release'] as const)
      expect(check(rotated({ requests: [request({ kind })] }))).toBeUndefined();
  });
});

describe('the next due date', () => {
  const schedule = fc.record({ every: fc.integer({ min: 1, max: 2 ** 40 }), jitter: fc.nat(2 ** 30) });
  it('is later than the interval by less than the jitter, and the same for the same id', () => {
    fc.assert(
      fc.property(schedule, fc.string(), fc.nat(2 ** 40), (made, id, decidedAt) => {
        const due = nextDue({ ...made, windows: [] }, id, decidedAt);
        expect(due).toBe(nextDue({ ...made, windows: [] }, id, decidedAt));
        expect(due - decidedAt - made.every).toBeGreaterThanOrEqual(0);
        expect(due - decidedAt - made.every).toBeLessThan(Math.max(1, made.jitter));
      }),
    );
  });
  it('spreads ids over the jitter', () => {
    const jitter = 1_000;
    const spread = Array.from({ length: 1_000 }, (_, index) =>
      nextDue({ every: 0, jitter, windows: [] }, `bot-${index}`, 0),
    );
    expect(new Set(spread.map((due) => Math.floor(due / 100))).size).toBe(10);
  });
});

describe('failed attempts', () => {
  it('wait five minutes first, never less than before, and never over a day', () => {
    expect(nextAttempt(1, 0)).toBe(5 * minute);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (failed) => {
        expect(nextAttempt(failed + 1, 0)).toBeGreaterThanOrEqual(nextAttempt(failed, 0));
        expect(nextAttempt(failed, 0)).toBeLessThanOrEqual(24 * 60 * minute);
      }),
    );
  });
});

describe('a scheduled start', () => {
  const always = { every: 1, jitter: 0, windows: [] };
  it('waits for the next attempt', () => {
    expect(mayStart(always, { ...facts().due, nextAttemptAt: now + 1 }, now)).toBe(false);
    expect(mayStart(always, { ...facts().due, nextAttemptAt: now }, now)).toBe(true);
  });
  it('happens only inside a window, its end excluded', () => {
    fc.assert(
      fc.property(fc.nat(week - 2), fc.nat(2 ** 40), (from, at) => {
        const windows = [{ from, to: from + 1 }];
        expect(mayStart({ ...always, windows }, facts().due, at)).toBe(minuteOfWeek(at) === from);
      }),
    );
  });
  it('does not happen in a freeze', () => {
    const frozen = { ...always, freezes: [{ from: now, to: now + 10 }] };
    expect([now - 1, now, now + 9, now + 10].map((at) => mayStart(frozen, facts().due, at))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
  it('counts minutes of the week from Monday 00:00 UTC', () => {
    expect(minuteOfWeek(Date.UTC(2024, 0, 1))).toBe(0);
    expect(minuteOfWeek(Date.UTC(2024, 0, 7, 23, 59))).toBe(week - 1);
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }), (date) => {
        const days = (date.getUTCDay() + 6) % 7;
        expect(minuteOfWeek(date.getTime())).toBe(days * 1440 + date.getUTCHours() * 60 + date.getUTCMinutes());
      }),
    );
  });
});
