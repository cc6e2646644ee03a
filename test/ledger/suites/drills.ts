import { describe, expect } from 'vitest';
import { bot, minutes } from '../fixtures.ts';
import type { Place } from '../places.ts';
import { expectRefusal, scenario } from '../scenario.ts';

export function drillSuite(place: Place): void {
  describe('a version made for a drill', () => {
    scenario(place, 'is doomed from birth, issued and staged like any other', async ({ issue, rotate, version }) => {
      const current = await rotate();
      const id = await issue(bot, 'drill');
      expect(await version(id)).toMatchObject({ fate: 'doomed', drill: true, issued: true, everCurrent: false });
      expect(await version(current)).toMatchObject({ fate: 'current', drill: false });
    });

    scenario(place, 'takes nobody’s place: another may be pending meanwhile', async ({ plan, version }) => {
      await plan();
      await plan(bot, 'drill');
      expect((await version(await plan(bot, 'drill'))).fate).toBe('doomed');
    });

    scenario(place, 'is never promoted, whatever is given as the reason', async ({ ledger, issue, rotate }) => {
      await rotate();
      const id = await issue(bot, 'drill');
      const decision = { credential: bot, version: id, expectedEpoch: 1, run: 'r' };
      for (const why of ['due', 'requested', 'survivor'] as const)
        await expectRefusal(ledger.decide({ ...decision, why }), 'CONFLICT', /made for a drill/);
      await expectRefusal(
        ledger.request({ kind: 'rollBack', credential: bot, version: id, who: 'os:ada', why: 'x' }),
        'CONFLICT',
      );
      await expectRefusal(
        ledger.intend({ version: id, effect: 'promote', place: 'vault', epoch: 1, within: minutes(1) }),
        'CONFLICT',
      );
    });

    scenario(
      place,
      'is left to its drill for as long as that may take; then a sweep finds what is owed',
      async ({ ledger, plan, rotate, pass }) => {
        const found = async (): Promise<readonly unknown[]> => [
          (await ledger.sweepPage({ list: 'attention', limit: 10 })).candidates.map(({ doomed }) => doomed),
          (await ledger.sweepCandidates([bot])).map(({ doomed }) => doomed),
        ];
        await rotate();
        const id = await plan(bot, 'drill');
        expect(await found()).toEqual([[], [0]]);
        pass(59_999);
        await ledger.intend({ version: id, effect: 'issue', place: 'project', within: minutes(2) });
        pass(1);
        expect(await found()).toEqual([[], [0]]);
        pass(minutes(2));
        expect(await found()).toEqual([[1], [1]]);
      },
    );

    scenario(place, 'that was lost is no failed attempt of the rotation beside it', async ({ ledger, plan, facts }) => {
      await ledger.startRun({ credential: bot, run: 'r', reason: 'due', actor: 'sweep' });
      await ledger.spent({ version: await plan(bot, 'drill'), why: 'no answer' });
      await ledger.endRun({ credential: bot, run: 'r', outcome: 'discarded' });
      expect((await facts()).due.failedAttempts).toBe(0);
    });

    scenario(
      place,
      'dies of its incident and leaves the due date alone',
      async ({ ledger, issue, rotate, facts, now, version }) => {
        await rotate();
        const id = await issue(bot, 'drill');
        await ledger.declareIncident({ incident: 'd', versions: [id], who: 'os:ada', why: 'drill', drill: true });
        await ledger.killFacts({
          incident: 'd',
          facts: [{ kind: 'dead', credential: bot, version: id, at: now(), grade: 'refused' }],
        });
        expect((await facts()).due.reopened).toBe(false);
        expect(await version(id)).toMatchObject({ fate: 'dead', drill: true });
      },
    );
  });
}
