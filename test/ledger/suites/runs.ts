import { describe, expect } from 'vitest';
import { bot, days, entry, minutes, search } from '../fixtures.ts';
import type { Place } from '../places.ts';
import { expectRefusal, scenario } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

const start = ({ ledger }: Scenario, run = 'r1', credential = bot) =>
  ledger.startRun({ credential, run, reason: 'due', actor: 'sweep' });

export function runSuite(place: Place): void {
  describe('a run', () => {
    scenario(place, 'is started once', async (scenario) => {
      expect(await start(scenario)).toEqual({ created: true });
      expect(await start(scenario)).toEqual({ created: false });
      expect((await scenario.facts()).openRun).toEqual({ run: 'r1', startedAt: scenario.now() });
    });

    scenario(place, 'takes the place of one that ended without saying so, which counts as failed', async (scenario) => {
      await start(scenario);
      expect(await start(scenario, 'r2')).toEqual({ created: true });
      const { due, openRun } = await scenario.facts();
      expect([due.failedAttempts, openRun?.run]).toEqual([1, 'r2']);
    });

    scenario(place, 'does not come back once it has ended, and says how it ended', async (scenario) => {
      await start(scenario);
      await start(scenario, 'r2');
      expect(await start(scenario)).toEqual({ created: false, ended: 'failed' });
      await expectRefusal(
        scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'rotated' }),
        'CONFLICT',
        /failed/,
      );
    });

    scenario(place, 'answers the same end again as the first time', async (scenario) => {
      await start(scenario);
      expect(await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'nothing' })).toEqual({
        again: false,
      });
      expect(await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'nothing' })).toEqual({
        again: false,
      });
    });

    scenario(place, 'is kept apart from its mates, whichever names the other', async (scenario) => {
      await scenario.apply(entry(bot, { apartFrom: [search] }), entry(search));
      await start(scenario, 'r1', bot);
      await expectRefusal(start(scenario, 'r2', search), 'CONFLICT', /kept apart/);
      await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'nothing' });
      await start(scenario, 'r2', search);
      await expectRefusal(start(scenario, 'r3', bot), 'CONFLICT', /kept apart/);
    });

    scenario(place, 'backs off from minutes to a day while it fails, and the due date stays', async (scenario) => {
      await scenario.rotate();
      const due = (await scenario.facts()).due.at;
      const waits: number[] = [];
      for (let attempt = 1; attempt <= 12; attempt += 1) {
        await start(scenario, `r${attempt}`);
        await scenario.ledger.endRun({
          credential: bot,
          run: `r${attempt}`,
          outcome: 'failed',
          why: 'a quota is full',
        });
        waits.push(((await scenario.facts()).due.nextAttemptAt ?? 0) - scenario.now());
      }
      expect(waits.slice(0, 3)).toEqual([minutes(5), minutes(10), minutes(20)]);
      expect(waits.at(-1)).toBe(days(1));
      expect((await scenario.facts()).due.at).toBe(due);
      await start(scenario, 'last');
      await scenario.ledger.endRun({ credential: bot, run: 'last', outcome: 'rotated' });
      expect((await scenario.facts()).due).toMatchObject({ failedAttempts: 0, nextAttemptAt: undefined });
    });

    for (const outcome of ['rotated', 'indebted', 'nothing'] as const) {
      scenario(place, `passes again when a rotate is open as it ends as ${outcome}`, async (scenario) => {
        await start(scenario);
        await scenario.rotate();
        await scenario.ledger.request({ kind: 'rotate', credential: bot, who: 'os:tester', why: 'once more' });
        expect(await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome })).toEqual({ again: true });
        expect((await scenario.facts()).openRun?.run).toBe('r1');
      });
    }

    scenario(place, 'passes again when a roll-back is open', async (scenario) => {
      await start(scenario);
      const first = await scenario.rotate();
      await scenario.rotate();
      await scenario.ledger.request({
        kind: 'rollBack',
        credential: bot,
        version: first,
        who: 'os:tester',
        why: 'it broke',
      });
      expect(await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'rotated' })).toEqual({ again: true });
    });

    scenario(place, 'passes again when the version that honoured the due date is compromised', async (scenario) => {
      await start(scenario);
      const version = await scenario.rotate();
      await scenario.ledger.declareIncident({ incident: 'i1', versions: [version], who: 'os:tester', why: 'leaked' });
      expect(await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'rotated' })).toEqual({ again: true });
    });

    scenario(place, 'that failed does not pass again at once, and the request stays open', async (scenario) => {
      await start(scenario);
      await scenario.ledger.request({ kind: 'rotate', credential: bot, who: 'os:tester', why: 'now' });
      expect(await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'failed' })).toEqual({ again: false });
      expect((await scenario.facts()).requests).toHaveLength(1);
    });

    scenario(place, 'that discarded a refused version counts as an attempt', async (scenario) => {
      await start(scenario);
      const version = await scenario.issue();
      await scenario.ledger.refused({ version, why: 'it answers 401' });
      await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'discarded' });
      expect((await scenario.facts()).due.failedAttempts).toBe(1);
    });

    scenario(place, 'that rehearsed and discarded a good version counts as none', async (scenario) => {
      await start(scenario);
      await scenario.issue();
      await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'discarded' });
      expect((await scenario.facts()).due.failedAttempts).toBe(0);
    });

    scenario(place, 'that only observed has honoured the rotate that asked for it', async (scenario) => {
      await start(scenario);
      await scenario.ledger.request({ kind: 'rotate', credential: bot, who: 'os:tester', why: 'look' });
      expect(await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'observed' })).toEqual({
        again: false,
      });
      expect((await scenario.facts()).requests).toEqual([]);
    });
  });
}
