import { describe, expect } from 'vitest';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import type { SweepPageQuery } from '../../../ledger/ledger.ts';
import { bot, days, entry, minutes, search } from '../fixtures.ts';
import type { Place } from '../places.ts';
import { expectRefusal, scenario } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

const mail = parseCredentialId('openai/prod/mail');

const page = async ({ ledger }: Scenario, list: SweepPageQuery['list'], more: Partial<SweepPageQuery> = {}) =>
  (await ledger.sweepPage({ list, limit: 10, ...more })).candidates.map((one) => one.id);

const only = async ({ ledger }: Scenario, id = bot) => {
  const [found] = await ledger.sweepCandidates([id]);
  if (found === undefined) throw new Error(`no candidate ${id}`);
  return found;
};

export function sweepSuite(place: Place): void {
  describe('a sweep', () => {
    scenario(place, 'finds nothing where nothing is due', async (scenario) => {
      await scenario.rotate();
      expect(await page(scenario, 'due')).toEqual([]);
      expect(await page(scenario, 'never')).toEqual([]);
      expect(await page(scenario, 'attention')).toEqual([]);
    });

    scenario(place, 'finds what was never rotated, oldest entry first, a page at a time', async (scenario) => {
      await scenario.apply(entry(), entry(search), entry(mail));
      const first = await scenario.ledger.sweepPage({ list: 'never', limit: 2 });
      expect(first.candidates).toHaveLength(2);
      expect(first.candidates[0]?.id).toBe(bot);
      const rest = await scenario.ledger.sweepPage({ list: 'never', limit: 2, after: first.next ?? '' });
      expect([...first.candidates, ...rest.candidates].map((one) => one.id).toSorted()).toEqual([mail, search, bot]);
      expect(rest.next).toBeUndefined();
    });

    scenario(place, 'finds what is due, oldest date first, and leaves out targets on demand', async (scenario) => {
      await scenario.apply(entry(), entry(search), entry(mail, { target: 'other' }));
      for (const id of [search, mail, bot]) {
        await scenario.rotate(id);
        scenario.pass(minutes(1));
      }
      scenario.pass(days(90) - minutes(1.5));
      expect(await page(scenario, 'due')).toEqual([search, mail]);
      scenario.pass(minutes(5));
      expect(await page(scenario, 'due')).toEqual([search, mail, bot]);
      expect(await page(scenario, 'due', { exceptTargets: ['openai-prod'] })).toEqual([mail]);
      const first = await scenario.ledger.sweepPage({ list: 'due', limit: 1 });
      expect(await page(scenario, 'due', { after: first.next ?? '' })).toEqual([mail, bot]);
    });

    scenario(
      place,
      'finds requests, doomed versions, leaks and retiring entries, unless a run is open',
      async (scenario) => {
        await scenario.apply(entry(), entry(search), entry(mail));
        for (const id of [bot, search, mail]) await scenario.rotate(id);
        await scenario.ledger.request({ kind: 'rotate', credential: bot, who: 'ada', why: 'asked' });
        await scenario.rotate(search);
        expect(await page(scenario, 'attention')).toEqual([search, bot]);
        expect((await only(scenario, search)).doomed).toBe(1);
        expect((await only(scenario)).requests).toEqual(['rotate']);
        const [leaked] = (await scenario.facts(mail)).versions;
        await scenario.ledger.declareIncident({
          incident: 'i1',
          versions: leaked === undefined ? [] : [leaked.id],
          who: 'ada',
          why: 'leaked',
        });
        expect(await page(scenario, 'attention')).toEqual([mail, search, bot]);
        expect(await only(scenario, mail)).toMatchObject({ reopened: true, compromised: 1 });
        expect(await scenario.ledger.incidentTargets()).toEqual(['openai-prod']);
        for (const [index, id] of [bot, search, mail].entries())
          await scenario.ledger.startRun({ credential: id, run: `r${index}`, reason: 'due', actor: 'sweep' });
        expect(await page(scenario, 'attention')).toEqual([]);
        await scenario.ledger.endRun({ credential: search, run: 'r1', outcome: 'failed' });
        await scenario.apply(entry(), entry(mail));
        expect(await page(scenario, 'attention')).toEqual([search]);
        expect(await only(scenario, search)).toMatchObject({ status: 'retiring', alive: 2, failedAttempts: 1 });
      },
    );

    scenario(
      place,
      'falls due in the middle of what the provider leaves of a life, where the schedule asks later',
      async (scenario) => {
        await scenario.apply(entry());
        for (const [left, due] of [
          [days(100), days(50)],
          [days(200), days(90)],
        ] as const) {
          const version = await scenario.issue();
          await scenario.ledger.extended({ version, expiresAt: scenario.now() + left });
          const expectedEpoch = (await scenario.facts()).epochs.length;
          await scenario.ledger.decide({ credential: bot, version, expectedEpoch, why: 'due', run: 'run' });
          expect((await only(scenario)).dueAt).toBe(scenario.now() + due);
        }
      },
    );

    scenario(place, 'tells when the provider ends what is current by itself', async (scenario) => {
      await scenario.apply(entry());
      await scenario.rotate();
      expect((await only(scenario)).endsAt).toBeUndefined();
      for (const { version } of (await scenario.facts(bot)).epochs)
        await scenario.ledger.extended({ version, expiresAt: 4_000_000_000_000 });
      expect((await only(scenario)).endsAt).toBe(4_000_000_000_000);
    });

    scenario(
      place,
      'finds entries without a spare version, and spares that were not tried for long',
      async (scenario) => {
        await scenario.apply(entry(bot, { standby: true }));
        await scenario.rotate();
        const before = (): number => scenario.now() - days(1);
        expect(await page(scenario, 'attention', { standbyTriedBefore: before() })).toEqual([bot]);
        await scenario.issue(bot, 'standby');
        expect(await page(scenario, 'attention', { standbyTriedBefore: before() })).toEqual([]);
        expect((await only(scenario)).standby).toEqual({ ready: 1, verifiedAt: scenario.now() });
        scenario.pass(days(2));
        expect(await page(scenario, 'attention', { standbyTriedBefore: before() })).toEqual([bot]);
        await scenario.ledger.startRun({ credential: bot, run: 'r1', reason: 'standbyCheck', actor: 'sweep' });
        await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'nothing' });
        expect(await page(scenario, 'attention', { standbyTriedBefore: before() })).toEqual([]);
        expect((await only(scenario)).standby?.verifiedAt).toBe(scenario.now());
      },
    );

    scenario(place, 'knows the mates of a credential, whichever names the other', async (scenario) => {
      await scenario.apply(entry(bot, { apartFrom: [search] }), entry(search));
      await scenario.rotate(search);
      await scenario.ledger.startRun({ credential: search, run: 'r1', reason: 'due', actor: 'sweep' });
      expect((await only(scenario)).mates).toEqual([{ id: search, lastRotatedAt: scenario.now(), running: true }]);
      expect((await only(scenario, search)).mates).toEqual([{ id: bot, lastRotatedAt: undefined, running: false }]);
      await scenario.apply(entry(bot), entry(search));
      expect((await only(scenario, search)).mates).toEqual([]);
    });

    scenario(place, 'knows how the last run ended', async (scenario) => {
      expect((await only(scenario)).lastRun).toBeUndefined();
      await scenario.ledger.startRun({ credential: bot, run: 'r1', reason: 'driftFound', actor: 'sweep' });
      expect(await scenario.ledger.openRuns({ startedBefore: scenario.now() + 1, limit: 5 })).toEqual([
        { credential: bot, run: 'r1' },
      ]);
      expect(await scenario.ledger.openRuns({ startedBefore: scenario.now(), limit: 5 })).toEqual([]);
      await scenario.ledger.endRun({ credential: bot, run: 'r1', outcome: 'nothing' });
      expect((await only(scenario)).lastRun).toEqual({
        reason: 'driftFound',
        outcome: 'nothing',
        endedAt: scenario.now(),
      });
    });

    scenario(place, 'finds debts with a workflow of their own, and the quiet credentials', async (scenario) => {
      const old = await scenario.rotate();
      await scenario.rotate();
      await scenario.prove(old);
      await scenario.ledger.authorise({ credential: bot, version: old, epoch: 2, signal: true });
      await scenario.ledger.debtMoved({ version: old });
      expect(await scenario.ledger.openDebts({ limit: 5 })).toEqual([{ credential: bot, version: old }]);
      expect(await page(scenario, 'attention')).toEqual([]);
      expect(await scenario.ledger.quietCredentials({ limit: 5 })).toEqual([bot]);
      await scenario.ledger.startRun({ credential: bot, run: 'r1', reason: 'due', actor: 'sweep' });
      expect(await scenario.ledger.quietCredentials({ limit: 5 })).toEqual([]);
    });
  });

  describe('an alarm', () => {
    const name = { credential: bot, key: 'held/1' } as const;
    const standing = async ({ ledger }: Scenario) => (await ledger.alarmPage({ limit: 10 }))[0];

    scenario(
      place,
      'is told again once per count, and begins anew when it is raised after a cure',
      async (scenario) => {
        const { ledger } = scenario;
        await ledger.alarm({ ...name, text: 'held', page: true });
        expect(await standing(scenario)).toMatchObject({ reminders: 0, nextAt: scenario.now() + minutes(60) });
        scenario.pass(minutes(61));
        const reminder = { ...name, count: 1, nextAt: scenario.now() + minutes(240) };
        await ledger.remindAlarm(reminder);
        await ledger.remindAlarm(reminder);
        expect((await scenario.kinds()).filter((kind) => kind === 'alarm.reminded')).toHaveLength(1);
        await ledger.alarm({ ...name, text: 'held, for another reason', page: true });
        expect(await standing(scenario)).toMatchObject({ reminders: 1, nextAt: reminder.nextAt });
        await ledger.cure({ credential: bot, keyPrefix: 'held/' });
        expect(await standing(scenario)).toBeUndefined();
        await ledger.remindAlarm({ ...reminder, count: 2 });
        await ledger.alarm({ ...name, text: 'held', page: true });
        expect(await standing(scenario)).toMatchObject({ reminders: 0, nextAt: scenario.now() + minutes(60) });
      },
    );

    scenario(place, 'is read a page at a time', async (scenario) => {
      for (const key of ['b', 'a', 'c']) await scenario.ledger.alarm({ credential: bot, key, text: key, page: false });
      const first = await scenario.ledger.alarmPage({ limit: 2 });
      expect(first.map((one) => one.key)).toEqual(['a', 'b']);
      const rest = await scenario.ledger.alarmPage({ after: { credential: bot, key: 'b' }, limit: 2 });
      expect(rest.map((one) => one.key)).toEqual(['c']);
    });
  });

  describe('what is seen at a target', () => {
    const one = { id: 'one' };
    const two = { id: 'two', mark: 'm' };
    const seen = (scenario: Scenario, refs: readonly { id: string; mark?: string }[]) =>
      scenario.ledger.sighted({ target: 'openai-prod', kind: 'stray', refs });

    scenario(place, 'keeps its first sighting while it is seen, and loses it when it is not', async (scenario) => {
      const first = scenario.now();
      await seen(scenario, [one, two]);
      scenario.pass(minutes(5));
      expect(await seen(scenario, [one])).toEqual([{ ref: one, firstAt: first, lastAt: scenario.now() }]);
      scenario.pass(minutes(5));
      expect(await seen(scenario, [one, two])).toContainEqual({
        ref: two,
        firstAt: scenario.now(),
        lastAt: scenario.now(),
      });
    });

    scenario(place, 'can be ignored by a named person with a reason', async (scenario) => {
      const ignored = { target: 'openai-prod', ref: two, who: 'ada', why: 'the build server' };
      await scenario.ledger.ignoreKey(ignored);
      await scenario.ledger.ignoreKey(ignored);
      expect(await scenario.ledger.ignoredKeys('openai-prod')).toEqual([{ ref: two, who: 'ada', why: ignored.why }]);
      expect(await scenario.ledger.ignoredKeys('other')).toEqual([]);
      expect((await scenario.kinds()).filter((kind) => kind === 'key.ignored')).toHaveLength(1);
      await expectRefusal(scenario.ledger.ignoreKey({ ...ignored, why: ' ' }), 'INVALID_CONFIG', /why/);
    });

    scenario(place, 'leaves what a sweep remembers outside the chain', async (scenario) => {
      const before = (await scenario.kinds()).length;
      expect(await scenario.ledger.remembered('drift')).toBeUndefined();
      await scenario.ledger.remember('drift', bot);
      await scenario.ledger.remember('drift', search);
      expect(await scenario.ledger.remembered('drift')).toBe(search);
      expect((await scenario.kinds()).length).toBe(before);
    });

    scenario(place, 'knows targets as applied and as used, and whether it may act', async (scenario) => {
      expect(await scenario.ledger.appliedTargets()).toEqual({});
      expect(await scenario.ledger.usedTargets()).toEqual(['openai-prod']);
      expect(await scenario.ledger.trusted()).toBe(true);
    });
  });
}
