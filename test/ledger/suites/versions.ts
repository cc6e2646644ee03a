import { describe, expect } from 'vitest';
import { bot, entry, freshVersion, minutes, search } from '../fixtures.ts';
import type { Place } from '../places.ts';
import { expectRefusal, proofKey, ref, scenario } from '../scenario.ts';

const baseline = { place: 'project', live: [], at: 0 };

export function versionSuite(place: Place): void {
  describe('a version', () => {
    scenario(place, 'is planned once, whatever the baseline says the second time', async ({ ledger, plan, facts }) => {
      const version = await plan();
      await ledger.planVersion({
        credential: bot,
        version,
        target: 'openai-prod',
        as: 'pending',
        baseline: { ...baseline, live: ['x'] },
      });
      expect((await facts()).versions).toHaveLength(1);
    });

    scenario(place, 'is not planned again with other content', async ({ ledger, apply, plan }) => {
      await apply(entry(), entry(search));
      const version = await plan();
      await expectRefusal(
        ledger.planVersion({ credential: bot, version, target: 'elsewhere', as: 'pending', baseline }),
        'CONFLICT',
      );
      await expectRefusal(
        ledger.planVersion({ credential: search, version, target: 'openai-prod', as: 'pending', baseline }),
        'CONFLICT',
      );
    });

    scenario(place, 'is the only pending one until it is spent', async ({ ledger, plan }) => {
      const version = await plan();
      await expectRefusal(plan(), 'CONFLICT', /pending version already/);
      await ledger.spent({ version, why: 'no answer' });
      await plan();
    });

    scenario(place, 'leaves room for a standby beside it', async ({ plan, version }) => {
      await plan();
      expect((await version(await plan(bot, 'standby'))).fate).toBe('standby');
    });

    scenario(place, 'is not planned for an entry that retires', async ({ apply, plan }) => {
      await apply();
      await expectRefusal(plan(), 'CONFLICT', /retiring/);
    });

    scenario(place, 'has an intent whose end only moves forward', async ({ ledger, plan, pass, version }) => {
      const id = await plan();
      const intend = (within: number) => ledger.intend({ version: id, effect: 'issue', place: 'project', within });
      const first = await intend(minutes(5));
      expect(await intend(minutes(1))).toEqual(first);
      pass(minutes(5));
      expect((await intend(minutes(1))).until).toBe(first.until + minutes(1));
      expect((await version(id)).intents).toHaveLength(1);
    });

    scenario(place, 'keeps the ref that its intent named', async ({ ledger, plan, version }) => {
      const id = await plan();
      await ledger.intend({ version: id, effect: 'issue', place: 'a', ref: { id: 'role_a', mark: 'm' }, within: 1 });
      expect((await version(id)).intents[0]?.ref).toEqual({ id: 'role_a', mark: 'm' });
      await expectRefusal(
        ledger.intend({ version: id, effect: 'issue', place: 'a', ref: { id: 'role_b' }, within: 1 }),
        'CONFLICT',
      );
    });

    scenario(
      place,
      'takes no forward effect once it is spent, dead or compromised',
      async ({ ledger, plan, issue, rotate }) => {
        const spent = await plan();
        await ledger.spent({ version: spent, why: 'no answer' });
        await expectRefusal(
          ledger.intend({ version: spent, effect: 'issue', place: 'p', within: 1 }),
          'CONFLICT',
          /spent/,
        );
        await ledger.intend({ version: spent, effect: 'revoke', place: 'p', within: 1 });
        const dead = await issue();
        await ledger.dead({ version: dead, grade: 'refused' });
        await expectRefusal(
          ledger.intend({ version: dead, effect: 'resume', place: 'p', within: 1 }),
          'CONFLICT',
          /dead/,
        );
        await ledger.intend({ version: dead, effect: 'destroy', place: 'vault', within: 1 });
        const leaked = await rotate();
        await ledger.declareIncident({ incident: 'i', versions: [leaked], who: 'os:tester', why: 'leaked' });
        await expectRefusal(
          ledger.intend({ version: leaked, effect: 'promote', place: 'vault', epoch: 1, within: 1 }),
          'CONFLICT',
          /compromised/,
        );
        await ledger.intend({ version: leaked, effect: 'revoke', place: 'p', within: 1 });
      },
    );

    scenario(place, 'has one outcome per intent', async ({ ledger, plan }) => {
      const version = await plan();
      const outcome = (outcome: 'done' | 'failed') => ledger.outcome({ version, effect: 'issue', place: 'p', outcome });
      await expectRefusal(outcome('done'), 'NOT_FOUND');
      await ledger.intend({ version, effect: 'issue', place: 'p', within: 1 });
      await outcome('failed');
      await outcome('failed');
      await expectRefusal(outcome('done'), 'CONFLICT');
      await ledger.intend({ version, effect: 'issue', place: 'p', within: 1 });
      await outcome('done');
    });

    scenario(
      place,
      'is issued once: the same again is no change, another ref is refused',
      async ({ ledger, issue, kinds, version }) => {
        const id = await issue();
        const before = await kinds();
        const same = {
          version: id,
          ref: ref(id),
          fingerprint: `kb1:p:${id}`,
          copies: [{ backend: 'vault', path: `staged/${id}` }],
        };
        await ledger.issued({ ...same, proofKey: Uint8Array.of(9) });
        expect(await kinds()).toEqual(before);
        expect(await ledger.proofKey(id)).toEqual(proofKey);
        await expectRefusal(ledger.issued({ ...same, ref: { id: 'another' }, proofKey }), 'CONFLICT');
        expect(await version(id)).toMatchObject({ issued: true, refs: [{ ref: ref(id), gone: false }] });
      },
    );

    scenario(place, 'is staged once per place, also in one that came later', async ({ ledger, issue, version }) => {
      const id = await issue();
      const again = (copies: { backend: string; path: string }[]) =>
        ledger.issued({ version: id, ref: ref(id), fingerprint: `kb1:p:${id}`, copies, proofKey });
      await again([{ backend: 'aws', path: 'x' }]);
      await again([{ backend: 'aws', path: 'x' }]);
      expect((await version(id)).copies.map((copy) => copy.backend)).toEqual(['aws', 'vault']);
      // Its entry has moved within the backend; what lies at the old path is not forgotten.
      await again([{ backend: 'aws', path: 'y' }]);
      expect((await version(id)).copies.map(({ backend, path }) => `${backend} ${path}`).toSorted()).toEqual([
        'aws x',
        'aws y',
        `vault staged/${id}`,
      ]);
    });

    scenario(
      place,
      'is recorded even when it was spent or compromised meanwhile, so that it can be killed',
      async ({ ledger, plan, version }) => {
        const id = await plan();
        await ledger.spent({ version: id, why: 'no answer' });
        await ledger.issued({ version: id, ref: ref(id), fingerprint: 'kb1:p:late', copies: [], proofKey });
        expect(await version(id)).toMatchObject({
          fate: 'doomed',
          spent: true,
          issued: true,
          refs: [{ ref: ref(id) }],
        });
      },
    );

    scenario(place, 'cannot be spent once its promotion was decided', async ({ ledger, rotate }) => {
      await expectRefusal(ledger.spent({ version: await rotate(), why: 'no answer' }), 'CONFLICT');
    });

    scenario(
      place,
      'is doomed when the provider refuses it before it was current, and alarms after',
      async ({ ledger, issue, rotate, version }) => {
        const never = await issue();
        await ledger.refused({ version: never, why: '401' });
        expect((await version(never)).fate).toBe('doomed');
        expect(await ledger.openAlarms(bot)).toEqual([]);
        const current = await rotate();
        await ledger.refused({ version: current, why: '401' });
        expect(await version(current)).toMatchObject({ fate: 'current', refused: true });
        expect((await ledger.openAlarms(bot))[0]).toMatchObject({ key: `refused/${current}`, page: true });
      },
    );

    scenario(place, 'is owed again when a twin appears after its death', async ({ ledger, issue, version }) => {
      const id = await issue();
      await ledger.dead({ version: id, grade: 'refused' });
      await ledger.refSeen({ version: id, ref: { id: 'twin' } });
      expect(await version(id)).toMatchObject({ fate: 'doomed', dead: undefined });
      await ledger.dead({ version: id, grade: 'refused' });
      const dead = await version(id);
      expect([dead.fate, dead.refs.every((one) => one.gone)]).toEqual(['dead', true]);
    });

    scenario(place, 'that is imported becomes the next epoch without a promotion', async ({ ledger, facts, now }) => {
      const version = freshVersion();
      const input = {
        credential: bot,
        version,
        target: 'openai-prod',
        ref: { id: 'old' },
        fingerprint: 'kb1:p:old',
        copies: [],
        proofKey,
        who: 'os:tester',
        current: true,
      };
      await ledger.importVersion(input);
      await ledger.importVersion(input);
      const { epochs, versions } = await facts();
      expect(epochs).toEqual([{ epoch: 1, version, why: 'imported', decidedAt: now() }]);
      expect(versions[0]).toMatchObject({ fate: 'current', everCurrent: true, onlyByHand: false });
      await expectRefusal(ledger.importVersion({ ...input, version: freshVersion() }), 'CONFLICT', /known already/);
    });

    scenario(place, 'that is imported without a ref can be killed by a person alone', async ({ ledger, version }) => {
      const id = freshVersion();
      await ledger.importVersion({
        credential: bot,
        version: id,
        target: 't',
        ref: undefined,
        fingerprint: 'kb1:p:x',
        copies: [],
        proofKey,
        who: 'os:tester',
        current: false,
      });
      expect(await version(id)).toMatchObject({ fate: 'doomed', onlyByHand: true, refs: [] });
    });

    scenario(place, 'is found by its fingerprint, dead ones too', async ({ ledger, rotate }) => {
      const version = await rotate();
      expect(await ledger.findFingerprint(`kb1:p:${version}`)).toEqual({ credential: bot, version });
      await ledger.dead({ version, grade: 'refused' });
      expect(await ledger.findFingerprint(`kb1:p:${version}`)).toEqual({ credential: bot, version });
      expect(await ledger.findFingerprint('kb1:p:none')).toBeUndefined();
    });

    scenario(place, 'shows its refs to whoever looks at its target', async ({ ledger, rotate }) => {
      const version = await rotate();
      expect(await ledger.refsOfTarget('openai-prod')).toEqual([
        { credential: bot, version, ref: ref(version), gone: false, dead: false },
      ]);
    });

    scenario(place, 'has no proof key before it is issued', async ({ ledger, plan }) => {
      await expectRefusal(ledger.proofKey(await plan()), 'NOT_FOUND');
    });
  });
}
