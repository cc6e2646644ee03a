import { describe, expect } from 'vitest';
import type { KillFact } from '../../../domain/incident.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import { bot, entry, minutes, search } from '../fixtures.ts';
import type { Place } from '../places.ts';
import { expectRefusal, ref, scenario } from '../scenario.ts';
import { contained, dead, declare, said } from './declaring.ts';

export function killFactsSuite(place: Place): void {
  describe('what a killer did', () => {
    scenario(place, 'is intent, outcome, authorisation and beginning in one', async (scenario) => {
      const id = await scenario.rotate();
      await declare(scenario, 'i', id);
      await scenario.ledger.killFacts({ incident: 'i', facts: [contained(id, scenario.now())] });
      const found = await scenario.version(id);
      expect(found).toMatchObject({ killBegun: true, authorisedEpoch: 1, fate: 'current', dead: undefined });
      expect(found.intents.find((one) => one.effect === 'revoke')).toMatchObject({
        place: ref(id).id,
        outcome: 'done',
        ref: ref(id),
      });
      expect(await scenario.ledger.incident('i')).toMatchObject({ keys: 1, contained: 1, dead: 0 });
    });

    scenario(place, 'ends an intent to revoke that a rotation left open', async (scenario) => {
      const { ledger, version } = scenario;
      const id = await scenario.rotate();
      await declare(scenario, 'i', id);
      const { until } = await ledger.intend({
        version: id,
        effect: 'revoke',
        place: ref(id).id,
        ref: ref(id),
        within: minutes(1),
      });
      await ledger.killFacts({ incident: 'i', facts: [contained(id, scenario.now())] });
      expect((await version(id)).intents.filter((one) => one.effect === 'revoke')).toEqual([
        { effect: 'revoke', place: ref(id).id, until, outcome: 'done', ref: ref(id) },
      ]);
    });

    scenario(place, 'kills, and again changes nothing', async (scenario) => {
      const { ledger, version, kinds, now, pass } = scenario;
      const id = await scenario.rotate();
      await declare(scenario, 'i', id);
      pass(minutes(2));
      const facts = [contained(id, now() - 900), dead(id, now() - 100)];
      await ledger.killFacts({ incident: 'i', facts });
      const before = (await kinds()).length;
      pass(minutes(1));
      for (const again of [facts, facts.toReversed(), [dead(id, now())], [dead(id, now(), 'absent')]])
        await ledger.killFacts({ incident: 'i', facts: again });
      expect((await kinds()).length).toBe(before);
      const found = await version(id);
      expect(found).toMatchObject({ fate: 'dead', refs: [{ gone: true }] });
      // From a journal it may come hours later: what counts is when it died.
      expect(found.dead).toEqual({ grade: 'refused', at: now() - minutes(1) - 100 });
      expect(await ledger.incidentKeys({ incident: 'i', limit: 9 })).toEqual([
        {
          credential: bot,
          version: id,
          containedAt: now() - minutes(1) - 900,
          dead: { at: now() - minutes(1) - 100, grade: 'refused' },
        },
      ]);
    });

    scenario(place, 'of a moment ahead of the ledger is dated now', async ({ ledger, rotate, version, now }) => {
      const id = await rotate();
      await ledger.declareIncident({ incident: 'i', versions: [id], ...said });
      await ledger.killFacts({ incident: 'i', facts: [dead(id, now() + minutes(9))] });
      expect((await version(id)).dead?.at).toBe(now());
    });

    scenario(place, 'makes known what was listed under the tag', async (scenario) => {
      const { ledger, version, now } = scenario;
      const id = await scenario.rotate();
      await declare(scenario, 'i', id);
      const twin = { id: 'twin', mark: 'ours' };
      const fact = contained(id, now(), { refs: [ref(id), twin], seen: [twin] });
      await ledger.killFacts({ incident: 'i', facts: [fact] });
      expect((await version(id)).refs).toEqual(
        expect.arrayContaining([
          { ref: ref(id), gone: false },
          { ref: twin, gone: false },
        ]),
      );
      await ledger.killFacts({ incident: 'i', facts: [dead(id, now())] });
      expect((await version(id)).refs.every((one) => one.gone)).toBe(true);
    });

    scenario(
      place,
      'owes a version again whose twin lived after its death, which a proof from before cannot end',
      async (scenario) => {
        const { ledger, version, now, pass } = scenario;
        const id = await scenario.rotate();
        await declare(scenario, 'i', id);
        await declare(scenario, 'closed', id);
        const early = [contained(id, now()), dead(id, now())];
        await ledger.killFacts({ incident: 'i', facts: early });
        await ledger.closeIncident({ incident: 'closed', who: 'os:ada' });
        pass(minutes(1));
        const twin = { id: 'twin' };
        await ledger.killFacts({ incident: 'i', facts: [contained(id, now(), { refs: [twin], seen: [twin] })] });
        expect(await version(id)).toMatchObject({ fate: 'doomed', dead: undefined });
        expect([(await ledger.incident('i')).dead, (await ledger.incident('closed')).dead]).toEqual([0, 1]);
        await ledger.killFacts({ incident: 'i', facts: early });
        expect((await version(id)).fate).toBe('doomed');
        pass(10);
        await ledger.killFacts({ incident: 'i', facts: [dead(id, now())] });
        expect((await version(id)).fate).toBe('dead');
        expect((await ledger.incident('i')).dead).toBe(1);
      },
    );

    scenario(place, 'that was gone already when another incident came revives nothing', async (scenario) => {
      const { ledger, version, now, pass } = scenario;
      const id = await scenario.rotate();
      await declare(scenario, 'first', id);
      await ledger.killFacts({ incident: 'first', facts: [contained(id, now()), dead(id, now())] });
      await declare(scenario, 'second', id);
      pass(minutes(1));
      await ledger.killFacts({ incident: 'second', facts: [contained(id, now()), dead(id, now())] });
      expect((await version(id)).fate).toBe('dead');
      expect(await ledger.incident('second')).toMatchObject({ keys: 1, contained: 1, dead: 1 });
    });

    scenario(place, 'graded absent stops the clock, and the version stays doomed', async (scenario) => {
      const { ledger, version, now, pass } = scenario;
      const id = await scenario.rotate();
      await scenario.rotate();
      await declare(scenario, 'i', id);
      const absent = now();
      await ledger.killFacts({ incident: 'i', facts: [contained(id, absent), dead(id, absent, 'absent')] });
      expect((await version(id)).fate).toBe('doomed');
      expect((await ledger.incident('i')).dead).toBe(1);
      pass(minutes(1));
      await ledger.killFacts({ incident: 'i', facts: [dead(id, now())] });
      expect((await version(id)).fate).toBe('dead');
      const [key] = await ledger.incidentKeys({ incident: 'i', limit: 1 });
      expect(key?.dead).toEqual({ at: absent, grade: 'refused' });
    });

    scenario(place, 'counts in every incident that names the version', async (scenario) => {
      const { ledger, now } = scenario;
      const id = await scenario.rotate();
      await declare(scenario, 'i1', id);
      await declare(scenario, 'i2', id);
      await ledger.killFacts({ incident: 'i1', facts: [contained(id, now()), dead(id, now())] });
      expect(await ledger.incident('i2')).toMatchObject({ contained: 1, dead: 1 });
      await declare(scenario, 'i3', id);
      expect(await ledger.incident('i3')).toMatchObject({ contained: 1, dead: 1 });
    });

    scenario(place, 'that failed is an event and nothing else, once', async (scenario) => {
      const { ledger, version, now } = scenario;
      const id = await scenario.rotate();
      await declare(scenario, 'i', id);
      const before = await version(id);
      const trouble: KillFact = {
        kind: 'trouble',
        credential: bot,
        version: id,
        at: now(),
        code: 'UNAVAILABLE',
        why: 'no answer',
      };
      await ledger.killFacts({ incident: 'i', facts: [trouble, trouble] });
      await ledger.killFacts({ incident: 'i', facts: [trouble] });
      expect(await version(id)).toEqual(before);
      const told = (await ledger.history({ credential: bot, limit: 99 })).filter(
        (event) => event.kind === 'version.trouble',
      );
      expect(told).toMatchObject([{ version: id, incident: 'i', body: { code: 'UNAVAILABLE', why: 'no answer' } }]);
    });

    scenario(place, 'is refused as a whole when one fact is about another version', async (scenario) => {
      const { ledger, version, now } = scenario;
      const [named, other] = [await scenario.rotate(), await scenario.rotate()];
      await declare(scenario, 'i', named);
      await expectRefusal(
        ledger.killFacts({ incident: 'i', facts: [dead(named, now()), dead(other, now())] }),
        'CONFLICT',
        /does not name/,
      );
      await expectRefusal(ledger.killFacts({ incident: 'none', facts: [] }), 'NOT_FOUND');
      expect((await version(named)).dead).toBeUndefined();
    });

    scenario(place, 'is written after the incident closed, too', async (scenario) => {
      const { ledger, now } = scenario;
      const id = await scenario.rotate();
      await declare(scenario, 'i', id);
      await ledger.closeIncident({ incident: 'i', who: 'os:ada', why: 'the key is a debt now' });
      await ledger.killFacts({ incident: 'i', facts: [contained(id, now()), dead(id, now())] });
      expect(await ledger.incident('i')).toMatchObject({ dead: 1, closedAt: now(), closedBy: 'os:ada' });
    });

    scenario(place, 'releases a retired entry when nothing of it lives', async (scenario) => {
      const { ledger, apply, facts, now } = scenario;
      await apply(entry(), entry(search));
      const id = await scenario.rotate(search);
      await declare(scenario, 'i', id);
      await apply(entry());
      await ledger.request({ kind: 'release', release: 'retire', credential: search, ...said });
      await ledger.killFacts({ incident: 'i', facts: [contained(id, now()), dead(id, now())] });
      expect((await facts(search)).status).toBe('released');
    });

    scenario(
      place,
      'to many versions at once is recorded for each, whatever the order of their facts',
      async (scenario) => {
        const { ledger, now } = scenario;
        const versions: VersionId[] = [];
        for (let index = 0; index < 60; index += 1) versions.push(await scenario.plan(bot, 'standby'));
        await declare(scenario, 'i', ...versions);
        const facts = versions.flatMap((id, index) => [contained(id, now() + index), dead(id, now() + index)]);
        await ledger.killFacts({
          incident: 'i',
          facts: facts.toSorted((one, other) => (one.kind < other.kind ? -1 : 1)),
        });
        expect(await ledger.incident('i')).toMatchObject({ keys: 60, contained: 60, dead: 60 });
      },
    );
  });
}
