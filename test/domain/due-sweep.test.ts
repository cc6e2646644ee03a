import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inSchedule } from '../../domain/due.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import {
  defaultLimits,
  driftFound,
  leavesRequest,
  notNow,
  overdueFrom,
  remindAfter,
  runLost,
  sweepReason,
  windowBegan,
  type SweepCandidate,
  type SweepSituation,
} from '../../domain/sweep.ts';
import { openTally } from '../../domain/sweep-tally.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
/** A Monday, 00:00 UTC. */
const now = Date.UTC(2026, 0, 5);
const mate = parseCredentialId('in-memory/test/mate');

const one = (changes: Partial<SweepCandidate> = {}): SweepCandidate => ({
  id: parseCredentialId('in-memory/test/bot'),
  status: 'managed',
  target: 'target',
  mode: 'automatic',
  schedule: { every: 90 * day, jitter: 0, windows: [] },
  epoch: 1,
  dueAt: now + day,
  lastRotatedAt: now - 89 * day,
  reopened: false,
  failedAttempts: 0,
  nextAttemptAt: undefined,
  openRun: undefined,
  lastRun: undefined,
  requests: [],
  compromised: 0,
  doomed: 0,
  alive: 1,
  endsAt: undefined,
  standby: undefined,
  mates: [],
  ...changes,
});

const situation = (changes: Partial<SweepSituation> = {}): SweepSituation => ({
  now,
  limits: defaultLimits,
  observeOnly: false,
  incidentTargets: new Set(),
  tally: openTally(),
  ...changes,
});

const check = (given: SweepCandidate): string | undefined => sweepReason(given, now, defaultLimits)?.check;
const held = (given: SweepCandidate, changes: Partial<SweepSituation> = {}): string | undefined => {
  const reason = sweepReason(given, now, defaultLimits);
  if (reason === undefined) throw new Error('no reason');
  return notNow(given, reason, situation(changes));
};
const due = (changes: Partial<SweepCandidate> = {}): SweepCandidate => one({ dueAt: now - 1, ...changes });

const anyCandidate: fc.Arbitrary<SweepCandidate> = fc
  .record({
    status: fc.constantFrom('managed', 'retiring', 'released'),
    mode: fc.constantFrom('observe', 'ask', 'automatic'),
    epoch: fc.nat(2),
    dueAt: fc.option(fc.constantFrom(now - day, now + day), { nil: undefined }),
    reopened: fc.boolean(),
    failedAttempts: fc.nat(3),
    nextAttemptAt: fc.option(fc.constantFrom(now - 1, now + 1), { nil: undefined }),
    requests: fc.subarray(['pause', 'freeze', 'rollBack', 'rotate'] as const),
    compromised: fc.nat(1),
    doomed: fc.nat(1),
    alive: fc.nat(2),
    standby: fc.option(fc.record({ ready: fc.nat(1), verifiedAt: fc.constantFrom(now, now - 3 * day) }), {
      nil: undefined,
    }),
    running: fc.boolean(),
    windows: fc.constantFrom([], [{ from: 0, to: 60 }], [{ from: 60, to: 120 }]),
  } as const)
  .map(({ running, windows, ...made }) =>
    one({
      ...made,
      schedule: { every: 90 * day, jitter: 0, windows },
      mates: running ? [{ id: mate, lastRotatedAt: undefined, running }] : [],
    }),
  );

describe('a sweep starts a rotation', () => {
  it.each([
    ['compromisedAlive', one({ compromised: 1 })],
    ['compromisedReplacement', one({ reopened: true })],
    ['rotationRequested', one({ requests: ['rotate'] })],
    ['rollBackRequested', one({ requests: ['rollBack'] })],
    ['doomedAlive', one({ doomed: 1 })],
    ['doomedAlive', one({ status: 'retiring' })],
    ['previousAttemptFailed', due({ failedAttempts: 1 })],
    ['neverRotated', one({ epoch: 0, dueAt: undefined })],
    ['maximumAgeReached', due()],
    ['standbyMissing', one({ standby: { ready: 0, verifiedAt: undefined } })],
    ['standbyCheck', one({ standby: { ready: 1, verifiedAt: now - 2 * day } })],
    [undefined, one()],
    [undefined, one({ standby: { ready: 1, verifiedAt: now } })],
    [undefined, one({ failedAttempts: 3 })],
  ] as const)('because of %s', (name, given) => expect(check(given)).toBe(name));

  it('never of what is released', () => {
    fc.assert(
      fc.property(anyCandidate, (given) => {
        if (given.status === 'released') expect(check(given)).toBeUndefined();
      }),
    );
  });

  it('never of a retiring entry to make something new', () => {
    const makes = ['neverRotated', 'maximumAgeReached', 'standbyMissing', 'standbyCheck', 'rotationRequested'];
    fc.assert(
      fc.property(anyCandidate, (given) => {
        if (given.status === 'retiring') expect(makes).not.toContain(check(given));
      }),
    );
  });

  it('whatever stands in the way of others, when something leaked', () => {
    fc.assert(
      fc.property(anyCandidate, fc.boolean(), (given, observeOnly) => {
        const reason = sweepReason(given, now, defaultLimits);
        if (reason?.urgency !== 'urgent') return;
        const tally = openTally();
        for (let index = 0; index < 1_000; index += 1) tally.count({ id: mate, target: 'target' }, 'scheduled');
        expect(
          notNow(given, reason, situation({ observeOnly, tally, incidentTargets: new Set(['target']) })),
        ).toBeUndefined();
      }),
    );
  });

  it('never while it is paused or frozen, a mate runs, a failed attempt backs off, or the ledger only observes', () => {
    fc.assert(
      fc.property(anyCandidate, fc.boolean(), (given, observeOnly) => {
        const reason = sweepReason(given, now, defaultLimits);
        if (reason === undefined || reason.urgency === 'urgent') return;
        const stopped =
          observeOnly ||
          given.requests.some((kind) => kind === 'pause' || kind === 'freeze') ||
          given.mates.some(({ running }) => running) ||
          (given.nextAttemptAt ?? 0) > now;
        if (stopped) expect(notNow(given, reason, situation({ observeOnly }))).toBeDefined();
      }),
    );
  });

  it('though it is paused or frozen, when the provider would soon end what is current: its run waits, and keeps it', () => {
    for (const kind of ['pause', 'freeze'] as const) {
      expect(held(due({ requests: [kind], endsAt: now + 15 * day }))).toBeDefined();
      expect(held(due({ requests: [kind], endsAt: now + 13 * day }))).toBeUndefined();
      expect(held(due({ requests: [kind], endsAt: now - 1 }))).toBeUndefined();
      expect(held(due({ requests: [kind], endsAt: now + 13 * day, mode: 'observe' }))).toBeDefined();
    }
  });

  it('by schedule only inside its windows and freezes of the calendar, and by a request at any time', () => {
    fc.assert(
      fc.property(anyCandidate, (given) => {
        const reason = sweepReason(given, now, defaultLimits);
        if (reason?.urgency === 'scheduled' && notNow(given, reason, situation()) === undefined)
          expect(inSchedule(given.schedule, now)).toBe(true);
      }),
    );
    const elsewhere = { every: day, jitter: 0, windows: [{ from: 60, to: 120 }] };
    expect(held(due({ schedule: elsewhere }))).toMatch(/windows/);
    expect(held(one({ schedule: elsewhere, requests: ['rotate'] }))).toBeUndefined();
  });

  it('at no provider with an open incident', () => {
    expect(held(due(), { incidentTargets: new Set(['target']) })).toMatch(/incident/);
    expect(held(due(), { incidentTargets: new Set(['other']) })).toBeUndefined();
  });

  it('no more often than the cap at one target, and counts no leak against it', () => {
    const tally = openTally();
    const limits = { ...defaultLimits, startsPerTarget: 1 };
    tally.count({ id: mate, target: 'target' }, 'urgent');
    expect(held(due(), { tally, limits })).toBeUndefined();
    tally.count({ id: mate, target: 'target' }, 'scheduled');
    expect(held(due(), { tally, limits })).toMatch(/enough/);
    expect(held(due({ target: 'other' }), { tally, limits })).toBeUndefined();
    expect(tally.full(limits)).toEqual(['target']);
  });

  it('never of two mates in one sweep, nor in one window', () => {
    const tally = openTally();
    const paired = (lastRotatedAt: number | undefined, changes: Partial<SweepCandidate> = {}) =>
      due({ mates: [{ id: mate, lastRotatedAt, running: false }], ...changes });
    expect(held(paired(undefined))).toBeUndefined();
    tally.count({ id: mate, target: 'elsewhere' }, 'scheduled');
    expect(held(paired(undefined), { tally })).toMatch(/apart/);
    expect(held(paired(now - day / 2))).toMatch(/in this window/);
    expect(held(paired(now - 2 * day))).toBeUndefined();
    const schedule = { every: day, jitter: 0, windows: [{ from: 0, to: 60 }] };
    expect(held(paired(now, { schedule }))).toMatch(/in this window/);
    expect(held(paired(now - minute, { schedule }))).toBeUndefined();
  });

  it('for a day not again while an entry observes, and at once when it no longer does', () => {
    const lastRun = { reason: 'neverRotated', outcome: 'observed', endedAt: now - day / 2 } as const;
    expect(held(due({ mode: 'observe', lastRun }))).toMatch(/observed a while ago/);
    expect(held(due({ mode: 'observe', lastRun: { ...lastRun, endedAt: now - day } }))).toBeUndefined();
    for (const mode of ['ask', 'automatic'] as const) expect(held(due({ mode, lastRun }))).toBeUndefined();
  });

  it('not again for a while when the same start came to nothing', () => {
    const drift = driftFound(['vault']);
    const tried = (endedAt: number, reason = 'driftFound') =>
      notNow(one({ lastRun: { reason, outcome: 'nothing', endedAt } }), drift, situation());
    expect(tried(now - minute)).toMatch(/nothing/);
    expect(tried(now - minute, 'maximumAgeReached')).toBeUndefined();
    expect(tried(now - day)).toBeUndefined();
  });

  it('that was lost, and urgently when something leaked', () => {
    expect(runLost(one())).toMatchObject({ check: 'runLost', urgency: 'owed' });
    expect(runLost(one({ compromised: 1 })).urgency).toBe('urgent');
  });
});

describe('a due date that passes while a run goes on', () => {
  const running = (changes: Partial<SweepCandidate> = {}) =>
    due({ openRun: { run: 'r', startedAt: now - day }, ...changes });
  it('leaves a request for that run', () => expect(leavesRequest(running(), now)).toBe(true));
  it('leaves none twice, for a run that began later, nor where windows say when', () => {
    expect(leavesRequest(running({ requests: ['rotate'] }), now)).toBe(false);
    expect(leavesRequest(running({ openRun: { run: 'r', startedAt: now } }), now)).toBe(false);
    expect(leavesRequest(running({ openRun: undefined }), now)).toBe(false);
    expect(leavesRequest(running({ mode: 'observe' }), now)).toBe(false);
    expect(leavesRequest(running({ schedule: { every: 1, jitter: 0, windows: [{ from: 0, to: 1 }] } }), now)).toBe(
      false,
    );
  });
});

describe('windows and alarms of a sweep', () => {
  it('knows when the open window began', () => {
    const windows = [{ from: 30, to: 90 }];
    expect(windowBegan({ windows }, now + 45 * minute + 7)).toBe(now + 30 * minute);
    expect(windowBegan({ windows }, now)).toBeUndefined();
  });
  it('calls overdue what is a tenth of its interval late, and had every window once', () => {
    expect(overdueFrom(one({ dueAt: now }))).toBe(now + 9 * day);
    const schedule = { every: day, jitter: 0, windows: [{ from: 0, to: 60 }] };
    expect(overdueFrom(one({ dueAt: now, schedule }))).toBe(now + 7 * day);
    expect(overdueFrom(one({ dueAt: undefined }))).toBeUndefined();
  });
  it('tells again ever more rarely, and then daily', () => {
    const waits = [0, 1, 2, 3, 50].map((count) => remindAfter(defaultLimits.reminders, count) / (60 * minute));
    expect(waits).toEqual([1, 4, 24, 24, 24]);
  });
});
