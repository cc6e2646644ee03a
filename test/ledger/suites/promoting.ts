import { describe, expect } from 'vitest';
import { bot, consumer, days, entry, minutes } from '../fixtures.ts';
import type { EpochReason } from '../../../domain/facts.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import type { Place } from '../places.ts';
import { expectRefusal, scenario } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

const decide = ({ ledger }: Scenario, version: VersionId, expectedEpoch: number, why: EpochReason = 'due') =>
  ledger.decide({ credential: bot, version, expectedEpoch, why, run: 'r1' });
const goBack = ({ ledger }: Scenario, version: VersionId) =>
  ledger.request({ kind: 'rollBack', credential: bot, version, who: 'os:tester', why: 'it broke' });
const leak = ({ ledger }: Scenario, ...versions: VersionId[]) =>
  ledger.declareIncident({ incident: `i-${versions.join()}`, versions, who: 'os:tester', why: 'leaked' });

export function promotingSuite(place: Place): void {
  describe('a decision', () => {
    scenario(place, 'makes one version current, dooms the others and leaves standbys', async (scenario) => {
      const first = await scenario.rotate();
      const standby = await scenario.issue(bot, 'standby');
      const second = await scenario.rotate();
      const fates = (await scenario.facts()).versions.map((one) => [one.id, one.fate]);
      expect(fates).toEqual([
        [first, 'doomed'],
        [standby, 'standby'],
        [second, 'current'],
      ]);
      expect((await scenario.facts()).epochs.map((one) => [one.epoch, one.version])).toEqual([
        [2, second],
        [1, first],
      ]);
    });

    scenario(place, 'copies the demands and writes an intent for every backend', async (scenario) => {
      const vault = { backend: 'vault', path: 'a', fields: undefined };
      await scenario.apply(
        entry(bot, { consumers: [consumer('api'), consumer('web')], backends: [vault, { ...vault, backend: 'aws' }] }),
      );
      const version = await scenario.issue();
      await decide(scenario, version, 0);
      const intents = (await scenario.version(version)).intents.filter((one) => one.effect === 'promote');
      expect(intents.map((one) => [one.place, one.outcome])).toEqual([
        ['aws', undefined],
        ['vault', undefined],
      ]);
      expect((await scenario.ledger.evidence(bot)).demands.map((one) => one.consumer)).toEqual(['api', 'web']);
    });

    scenario(place, 'answers the same epoch when it is repeated', async (scenario) => {
      const version = await scenario.issue();
      expect(await decide(scenario, version, 0)).toEqual({ epoch: 1 });
      expect(await decide(scenario, version, 0)).toEqual({ epoch: 1 });
      expect(await decide(scenario, version, 1)).toEqual({ epoch: 1 });
    });

    scenario(place, 'is refused when another epoch was decided meanwhile', async (scenario) => {
      await scenario.rotate();
      await expectRefusal(decide(scenario, await scenario.issue(), 0), 'CONFLICT', /decided meanwhile/);
    });

    scenario(
      place,
      'is refused for a version that is not issued, spent, dead, refused or compromised',
      async (scenario) => {
        const { ledger } = scenario;
        await expectRefusal(decide(scenario, await scenario.plan(), 0), 'CONFLICT', /not issued/);
        const ends: readonly (readonly [RegExp, (version: VersionId) => Promise<unknown>])[] = [
          [/spent/, (version) => ledger.spent({ version, why: 'no answer' })],
          [/dead/, (version) => ledger.dead({ version, grade: 'refused' })],
          [/refuses/, (version) => ledger.refused({ version, why: '401' })],
          [/compromised/, (version) => leak(scenario, version)],
          [/authorised to die/, (version) => ledger.authorise({ credential: bot, version, epoch: 0, signal: true })],
        ];
        for (const [says, end] of ends) {
          const pending = (await scenario.facts()).versions.find((one) => one.fate === 'pending');
          if (pending !== undefined) await ledger.spent({ version: pending.id, why: 'room for the next' });
          const version = await scenario.issue();
          await end(version);
          await expectRefusal(decide(scenario, version, 0), 'CONFLICT', says);
        }
      },
    );

    scenario(place, 'is refused for a version that another decision doomed', async (scenario) => {
      const first = await scenario.rotate();
      await scenario.rotate();
      await expectRefusal(decide(scenario, first, 2), 'CONFLICT', /doomed/);
    });

    scenario(place, 'is refused for a new version of an entry that retires', async (scenario) => {
      const version = await scenario.issue();
      await scenario.apply();
      await expectRefusal(decide(scenario, version, 0), 'CONFLICT', /retiring/);
    });

    scenario(place, 'honours every open rotate and the due date', async (scenario) => {
      await scenario.ledger.request({ kind: 'rotate', credential: bot, who: 'os:tester', why: 'now' });
      await scenario.rotate();
      const { requests, due } = await scenario.facts();
      expect(requests).toEqual([]);
      expect(due).toMatchObject({ at: scenario.now() + days(90), lastRotatedAt: scenario.now(), reopened: false });
    });

    scenario(place, 'goes back to the version an open roll-back names, and to no other', async (scenario) => {
      const first = await scenario.rotate();
      await scenario.rotate();
      await expectRefusal(decide(scenario, first, 2, 'roll-back'), 'CONFLICT', /no roll-back/);
      await goBack(scenario, first);
      const third = await scenario.issue();
      await expectRefusal(decide(scenario, third, 2), 'CONFLICT', /roll-back names/);
      expect(await decide(scenario, first, 2, 'roll-back')).toEqual({ epoch: 3 });
      expect((await scenario.facts()).requests).toEqual([]);
      expect((await scenario.version(first)).fate).toBe('current');
      expect((await scenario.version(third)).fate).toBe('doomed');
    });

    scenario(
      place,
      'that goes back leaves the due date and overrules only the rotates asked before',
      async (scenario) => {
        const first = await scenario.rotate();
        await scenario.rotate();
        const { due } = await scenario.facts();
        scenario.pass(days(1));
        await scenario.ledger.request({ kind: 'rotate', credential: bot, who: 'os:before', why: 'now' });
        await goBack(scenario, first);
        await decide(scenario, first, 2, 'roll-back');
        expect((await scenario.facts()).requests).toEqual([]);
        expect((await scenario.facts()).due).toEqual(due);
        await scenario.ledger.request({ kind: 'rotate', credential: bot, who: 'os:after', why: 'then' });
        expect((await scenario.facts()).requests.map((one) => one.who)).toEqual(['os:after']);
      },
    );

    scenario(place, 'that goes back is due in the middle of what its provider leaves it', async (scenario) => {
      const first = await scenario.rotate();
      await scenario.ledger.extended({ version: first, expiresAt: scenario.now() + days(60) });
      await scenario.rotate();
      await goBack(scenario, first);
      await decide(scenario, first, 2, 'roll-back');
      expect((await scenario.facts()).due.at).toBe(scenario.now() + days(30));
    });

    scenario(
      place,
      'for the survivor is not stopped by a roll-back to a version the provider lost, which stays open',
      async (scenario) => {
        const first = await scenario.rotate();
        const second = await scenario.rotate();
        await goBack(scenario, first);
        const third = await scenario.issue();
        await expectRefusal(decide(scenario, third, 2, 'survivor'), 'CONFLICT', /roll-back names/);
        await leak(scenario, second);
        expect(await decide(scenario, third, 2, 'survivor')).toEqual({ epoch: 3 });
        expect((await scenario.facts()).requests.map((one) => one.kind)).toEqual(['rollBack']);
      },
    );

    scenario(place, 'for the survivor keeps the due date open, so that another version is issued', async (scenario) => {
      const first = await scenario.rotate();
      const second = await scenario.rotate();
      await leak(scenario, second);
      expect((await scenario.facts()).due.reopened).toBe(true);
      await decide(scenario, first, 2, 'survivor');
      expect((await scenario.facts()).due.reopened).toBe(true);
      await scenario.rotate();
      expect((await scenario.facts()).due.reopened).toBe(false);
    });

    scenario(place, 'lets a release of an earlier epoch lapse', async (scenario) => {
      await scenario.rotate();
      await scenario.ledger.request({ kind: 'release', release: 'ask', credential: bot, who: 'os:tester', why: 'go' });
      await scenario.rotate();
      expect((await scenario.facts()).requests).toEqual([]);
    });
  });

  describe('a promotion', () => {
    scenario(place, 'may not begin for an epoch that is no longer the newest', async (scenario) => {
      const first = await scenario.rotate();
      await scenario.rotate();
      const promote = (epoch: number) =>
        scenario.ledger.intend({ version: first, effect: 'promote', place: 'vault', epoch, within: minutes(1) });
      await expectRefusal(promote(1), 'CONFLICT', /decides otherwise/);
      await expectRefusal(promote(2), 'CONFLICT', /decides otherwise/);
    });

    scenario(
      place,
      'is recorded once per place and epoch, and of no epoch that names another version',
      async (scenario) => {
        const version = await scenario.rotate();
        const shown = (epoch: number, path: string) =>
          scenario.ledger.promoted({ version, epoch, backend: 'vault', path });
        await shown(1, `ai/${bot}`);
        // Its entry has moved within the backend; repeats of either are no change.
        await shown(1, 'elsewhere');
        await shown(1, `ai/${bot}`);
        await shown(1, 'elsewhere');
        const written = await scenario.ledger.history({ limit: 1_000 });
        expect(written.filter(({ kind }) => kind === 'promotion.shown')).toHaveLength(2);
        await expectRefusal(shown(2, `ai/${bot}`), 'CONFLICT', /does not name it/);
        expect((await scenario.version(version)).copies).toContainEqual({
          backend: 'vault',
          path: `ai/${bot}`,
          as: 'main',
          epoch: 1,
          gone: false,
        });
        expect((await scenario.version(version)).intents.every((one) => one.outcome === 'done')).toBe(true);
      },
    );
  });
}
