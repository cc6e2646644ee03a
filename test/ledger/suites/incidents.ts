import { describe, expect } from 'vitest';
import { bot, entry, freshVersion, minutes, search } from '../fixtures.ts';
import type { Place } from '../places.ts';
import { expectRefusal, scenario } from '../scenario.ts';
import { contained, dead, declare, said } from './declaring.ts';

export function incidentSuite(place: Place): void {
  describe('a declaration', () => {
    scenario(place, 'comes in parts, and a part again is no change', async (scenario) => {
      const { ledger, apply, rotate, issue, kinds } = scenario;
      await apply(entry(), entry(search));
      const [one, other, spare] = [await rotate(), await rotate(search), await issue(bot, 'standby')];
      await declare(scenario, 'i', one);
      await declare(scenario, 'i', spare, other);
      const before = (await kinds()).length;
      await declare(scenario, 'i', other, one);
      await declare(scenario, 'i', one);
      expect((await kinds()).length).toBe(before);
      expect(await ledger.incident('i')).toMatchObject({ ...said, keys: 3, contained: 0, dead: 0 });
      for (const id of [one, other, spare]) expect((await scenario.version(id)).compromised).toBe(true);
    });

    scenario(place, 'is written whole by parts that arrive at once', async (scenario) => {
      const { ledger, apply, rotate } = scenario;
      await apply(entry(), entry(search));
      const versions = [await rotate(), await rotate(search)];
      await Promise.all([...versions, ...versions].map((version) => declare(scenario, 'i', version)));
      expect((await ledger.incident('i')).keys).toBe(2);
      expect((await scenario.kinds()).filter((kind) => kind === 'incident.declared')).toHaveLength(1);
    });

    scenario(place, 'is another one with another reason, scope or kind', async ({ ledger, rotate }) => {
      const versions = [await rotate()];
      const declaration = { incident: 'i', versions, ...said, scope: 'provider openai', drill: false };
      await ledger.declareIncident(declaration);
      for (const change of [{ why: 'something else' }, { scope: 'team support' }, { drill: true }, { who: 'os:eve' }])
        await expectRefusal(ledger.declareIncident({ ...declaration, ...change }), 'CONFLICT');
      await ledger.declareIncident({ ...declaration, declaredAt: 1 });
    });

    scenario(place, 'may name no version: a value that belongs to nothing known', async ({ ledger }) => {
      await ledger.declareIncident({ incident: 'i', versions: [], ...said, scope: 'a leaked value' });
      expect(await ledger.incident('i')).toMatchObject({ keys: 0, scope: 'a leaked value', drill: false, events: [] });
      expect(await ledger.incidentKeys({ incident: 'i', limit: 9 })).toEqual([]);
    });

    scenario(place, 'that names versions of another ledger says which, and writes nothing', async (scenario) => {
      const known = await scenario.rotate();
      await expectRefusal(declare(scenario, 'i', known, freshVersion(), freshVersion()), 'NOT_FOUND', /nor 1 others/);
      await expectRefusal(scenario.ledger.incident('i'), 'NOT_FOUND');
      expect((await scenario.version(known)).compromised).toBe(false);
    });

    scenario(
      place,
      'counts from the declarer, for each version from the earliest that is open',
      async ({ ledger, rotate, version, now, pass }) => {
        const id = await rotate();
        expect((await version(id)).compromisedAt).toBeUndefined();
        pass(minutes(10));
        const marked = now();
        await ledger.declareIncident({ incident: 'late', versions: [id], ...said, declaredAt: marked - 5 });
        await ledger.declareIncident({ incident: 'early', versions: [id], ...said, declaredAt: marked - 90 });
        pass(minutes(1));
        expect((await version(id)).compromisedAt).toBe(marked - 90);
        await ledger.closeIncident({ incident: 'early', who: 'os:ada' });
        expect((await version(id)).compromisedAt).toBe(marked - 5);
        await ledger.closeIncident({ incident: 'late', who: 'os:ada' });
        expect((await version(id)).compromisedAt).toBe(marked);
      },
    );

    scenario(place, 'lets the kill begin at once, without evidence, silence or authorisation', async (scenario) => {
      const current = await scenario.rotate();
      await scenario.ledger.request({ kind: 'pause', credential: bot, ...said });
      await declare(scenario, 'i', current);
      for (const effect of ['suspend', 'revoke'] as const)
        await scenario.ledger.intend({ version: current, effect, place: 'p', epoch: 1, within: 1 });
      await scenario.ledger.killBegan({ version: current });
    });
  });

  describe('an incident on record', () => {
    scenario(place, 'says each moment once, with its own time', async (scenario) => {
      const { ledger, now, pass } = scenario;
      await declare(scenario, 'i', await scenario.rotate());
      const moment = { incident: 'i', kind: 'moment.contained', actor: 'keybaton', body: { at: now() + 7 } };
      await ledger.incidentEvent(moment);
      pass(minutes(1));
      await ledger.incidentEvent({ ...moment, body: { at: now() } });
      await ledger.incidentEvent({ incident: 'i', kind: 'paged.50', actor: 'keybaton', body: { to: 'on-call' } });
      expect((await ledger.incident('i')).events).toEqual([
        { kind: 'moment.contained', at: now() - minutes(1) + 7, actor: 'keybaton', body: moment.body },
        { kind: 'paged.50', at: now(), actor: 'keybaton', body: { to: 'on-call' } },
      ]);
      await expectRefusal(ledger.incidentEvent({ ...moment, kind: 'version.dead' }), 'INVALID_CONFIG');
      await expectRefusal(ledger.incidentEvent({ ...moment, incident: 'none' }), 'NOT_FOUND');
    });

    scenario(place, 'is listed newest first, open or closed', async ({ ledger, now }) => {
      const at = now();
      for (const [incident, declaredAt] of [
        ['b', at],
        ['a', at + 1],
        ['c', at - 1],
      ] as const)
        await ledger.declareIncident({ incident, versions: [], ...said, declaredAt });
      await ledger.closeIncident({ incident: 'a', who: 'os:ada' });
      const names = async (filter: Parameters<typeof ledger.incidents>[0]) =>
        (await ledger.incidents(filter)).map((one) => one.incident);
      expect(await names({ limit: 9 })).toEqual(['a', 'b', 'c']);
      expect(await names({ open: true, limit: 1 })).toEqual(['b']);
      expect(await names({ open: false, limit: 9 })).toEqual(['a']);
    });

    scenario(place, 'shows its keys in pages', async (scenario) => {
      const { ledger } = scenario;
      const versions = [await scenario.rotate(), await scenario.rotate(), await scenario.rotate()].toSorted();
      await declare(scenario, 'i', ...versions);
      const page = await ledger.incidentKeys({ incident: 'i', limit: 2 });
      const last = page.at(-1);
      if (last === undefined) throw new Error('an empty page');
      const rest = await ledger.incidentKeys({ incident: 'i', after: last.version, limit: 2 });
      expect([...page, ...rest].map((one) => one.version)).toEqual(versions);
      await expectRefusal(ledger.incidentKeys({ incident: 'none', limit: 2 }), 'NOT_FOUND');
    });

    scenario(place, 'is told by target, each version once, as long as it is open', async (scenario) => {
      const { ledger, apply, rotate, now, pass } = scenario;
      await apply(entry(), entry(search));
      const [one, other, third] = [await rotate(), await rotate(), await rotate(search)];
      expect(await ledger.killsAt('openai-prod')).toBeUndefined();
      await declare(scenario, 'i', one, other);
      await declare(scenario, 'j', other, third);
      const named = { credentials: 2, keys: 3, heardAt: now() };
      expect(await ledger.killsAt('openai-prod')).toEqual({ ...named, contained: 0, dead: 0, lastAt: undefined });
      expect(await ledger.killsAt('elsewhere')).toBeUndefined();
      pass(minutes(1));
      await ledger.killFacts({ incident: 'i', facts: [contained(one, now()), contained(other, now())] });
      await ledger.killFacts({ incident: 'j', facts: [contained(other, now())] });
      expect(await ledger.killsAt('openai-prod')).toEqual({ ...named, contained: 2, dead: 0, lastAt: now() });
      pass(minutes(1));
      await ledger.killFacts({ incident: 'i', facts: [dead(one, now())] });
      expect(await ledger.killsAt('openai-prod')).toEqual({ ...named, contained: 2, dead: 1, lastAt: now() });
      await ledger.closeIncident({ incident: 'i', who: 'os:ada' });
      expect(await ledger.killsAt('openai-prod')).toMatchObject({ keys: 2, contained: 1, dead: 0 });
    });

    scenario(place, 'follows a renamed credential', async (scenario) => {
      const { ledger, apply, now } = scenario;
      const id = await scenario.rotate();
      await declare(scenario, 'i', id);
      await apply(entry(search, { movedFrom: bot }));
      await ledger.killFacts({ incident: 'i', facts: [contained(id, now()), dead(id, now())] });
      expect(await ledger.incidentKeys({ incident: 'i', limit: 9 })).toMatchObject([{ credential: search }]);
      expect((await scenario.facts(search)).versions).toMatchObject([{ fate: 'dead', compromisedAt: now() }]);
    });
  });
}
