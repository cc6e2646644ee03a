import { describe, expect } from 'vitest';
import { bot, consumer, days, entry, search } from '../fixtures.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import type { Place } from '../places.ts';
import { expectRefusal, scenario } from '../scenario.ts';

const helper = parseCredentialId('openai/prod/help-desk');
const renamed = parseCredentialId('openai/prod/assistant');

export function inventorySuite(place: Place): void {
  describe('the inventory', () => {
    scenario(place, 'answers what was added, changed, retired and returned', async ({ ledger }) => {
      const apply = (...entries: Parameters<typeof ledger.applyInventory>[0]['entries']) =>
        ledger.applyInventory({ teams: ['support'], entries, targets: {}, actor: 'os:tester' });
      expect(await apply(entry(), entry(search))).toMatchObject({ n: 2, added: [search], changed: [] });
      expect(await apply(entry(bot, { tier: 'critical' }))).toMatchObject({ n: 3, changed: [bot], retired: [search] });
      expect(await apply(entry(bot, { tier: 'critical' }), entry(search))).toMatchObject({
        n: 4,
        returned: [search],
        changed: [],
      });
      expect((await ledger.facts(search)).status).toBe('managed');
    });

    scenario(place, 'writes nothing when nothing changes', async ({ ledger, apply, kinds }) => {
      const before = await kinds();
      await apply(entry());
      expect(await kinds()).toEqual(before);
      expect((await ledger.inventory()).n).toBe(1);
    });

    scenario(place, 'writes nothing on a dry run', async ({ ledger, kinds }) => {
      const before = await kinds();
      const answer = await ledger.applyInventory({
        teams: ['support'],
        entries: [],
        targets: {},
        actor: 'os:tester',
        dryRun: true,
      });
      expect(answer).toMatchObject({ n: 2, retired: [bot] });
      expect(await kinds()).toEqual(before);
    });

    scenario(place, 'leaves the entries of other teams alone', async ({ ledger, facts }) => {
      await ledger.applyInventory({
        teams: ['search'],
        entries: [entry(search, { team: 'search' })],
        targets: {},
        actor: 'os:other',
      });
      expect((await facts(bot)).status).toBe('managed');
    });

    scenario(place, 'refuses an entry of a team it does not speak for', async ({ ledger }) => {
      const input = { entries: [entry(bot, { team: 'search' })], targets: {}, actor: 'os:other' };
      await expectRefusal(ledger.applyInventory({ ...input, teams: ['support'] }), 'ACCESS_DENIED', /team search/);
      await expectRefusal(ledger.applyInventory({ ...input, teams: ['search'] }), 'ACCESS_DENIED', /team support/);
    });

    scenario(place, 'refuses to take another team its entry by a rename', async ({ ledger }) => {
      const stolen = entry(search, { team: 'search', movedFrom: bot });
      await expectRefusal(
        ledger.applyInventory({ teams: ['search'], entries: [stolen], targets: {}, actor: 'os:other' }),
        'ACCESS_DENIED',
      );
    });

    scenario(place, 'keeps the targets as they were applied', async ({ ledger }) => {
      const targets = { 'openai-prod': { admin: 'env:ADMIN' } };
      await ledger.applyInventory({ teams: ['support'], entries: [entry()], targets, actor: 'os:tester' });
      expect((await ledger.inventory()).targets).toEqual(targets);
    });

    scenario(
      place,
      'moves every row of a renamed credential, and its history',
      async ({ ledger, apply, rotate, prove, facts }) => {
        const first = await rotate();
        await prove(first);
        await apply(entry(renamed, { movedFrom: bot }));
        const moved = await facts(renamed);
        expect([moved.id, moved.epochs.length, moved.versions[0]?.id]).toEqual([renamed, 1, first]);
        expect((await ledger.evidence(renamed)).evidence).toHaveLength(1);
        expect((await ledger.evidence(renamed)).instances).toHaveLength(1);
        expect((await ledger.history({ credential: renamed, limit: 100 }))[0]?.kind).toBe('entry.added');
      },
    );

    scenario(place, 'finds a credential by a name it gave up', async ({ ledger, apply, facts }) => {
      await apply(entry(renamed, { movedFrom: bot }));
      expect((await facts(bot)).id).toBe(renamed);
      await ledger.request({ kind: 'rotate', credential: bot, who: 'os:tester', why: 'a test' });
      expect((await facts(renamed)).requests).toHaveLength(1);
    });

    scenario(place, 'tells two credentials apart that bore one name', async ({ ledger, apply, rotate, facts }) => {
      const old = await rotate();
      await apply(entry(renamed, { movedFrom: bot }));
      await apply(entry(renamed, { movedFrom: bot }), entry(bot));
      expect((await facts(bot)).versions).toEqual([]);
      const fresh = await rotate(bot);
      expect((await facts(bot)).versions.map((one) => one.id)).toEqual([fresh]);
      expect((await facts(renamed)).versions.map((one) => one.id)).toEqual([old]);
      const versions = async (id: typeof bot) =>
        new Set((await ledger.history({ credential: id, limit: 100 })).map((event) => event.version));
      expect(await versions(bot)).toEqual(new Set([undefined, fresh]));
      expect(await versions(renamed)).toEqual(new Set([undefined, old]));
    });

    scenario(place, 'renames a chain from its free end', async ({ apply, rotate, facts }) => {
      await apply(entry(), entry(search));
      const [ofBot, ofSearch] = [await rotate(bot), await rotate(search)];
      await apply(entry(search, { movedFrom: bot }), entry(helper, { movedFrom: search }));
      expect((await facts(helper)).versions[0]?.id).toBe(ofSearch);
      expect((await facts(search)).versions[0]?.id).toBe(ofBot);
    });

    scenario(place, 'refuses to rename while a run bears the old name', async ({ ledger, apply }) => {
      await ledger.startRun({ credential: bot, run: 'r1', reason: 'due', actor: 'sweep' });
      await expectRefusal(apply(entry(renamed, { movedFrom: bot })), 'CONFLICT', /running/);
    });

    scenario(
      place,
      'adds the demand of a new consumer to an epoch whose old version lives',
      async ({ ledger, apply, rotate }) => {
        await rotate();
        await rotate();
        await apply(entry(bot, { consumers: [consumer('api'), consumer('batch', { kind: 'job' })] }));
        expect((await ledger.evidence(bot)).demands.map((one) => one.consumer)).toEqual(['api', 'batch']);
      },
    );

    scenario(place, 'adds no demand to an epoch that nothing waits for', async ({ ledger, apply, rotate }) => {
      await rotate();
      await apply(entry(bot, { consumers: [consumer('api'), consumer('batch')] }));
      expect((await ledger.evidence(bot)).demands.map((one) => one.consumer)).toEqual(['api']);
    });

    scenario(place, 'keeps demanding of a consumer removed during a hold', async ({ ledger, apply, rotate }) => {
      await rotate();
      await rotate();
      await apply(entry(bot, { consumers: { none: 'nobody uses it' } }));
      const evidence = await ledger.evidence(bot);
      expect(evidence.demands.map((one) => one.consumer)).toEqual(['api']);
      expect(evidence.none).toBeUndefined();
    });

    scenario(place, 'lets a demand of an open epoch grow stronger, never weaker', async ({ ledger, apply, rotate }) => {
      await apply(entry(bot, { consumers: [consumer('api', { demand: 'rolled-out' })] }));
      await rotate();
      await rotate();
      await apply(entry(bot, { consumers: [consumer('api', { demand: 'possession' })] }));
      expect((await ledger.evidence(bot)).demands[0]?.demand).toBe('possession');
      await apply(entry(bot, { consumers: [consumer('api', { demand: 'acknowledged' })] }));
      expect((await ledger.evidence(bot)).demands[0]?.demand).toBe('possession');
    });

    scenario(
      place,
      'a longer schedule is due while the version has half the life that its provider gave it',
      async ({ ledger, apply, rotate, facts, now }) => {
        const monthly = entry(bot, { schedule: { every: days(30), jitter: 0, windows: [] } });
        await apply(monthly);
        const version = await rotate();
        await ledger.extended({ version, expiresAt: now() + days(64) });
        await apply(entry());
        expect((await facts()).due.at).toBe(now() + days(32));
        await ledger.extended({ version, expiresAt: now() + days(184) });
        await apply(monthly);
        await apply(entry());
        expect((await facts()).due.at).toBe(now() + days(90));
      },
    );

    scenario(place, 'moves the due date when the schedule changes', async ({ apply, rotate, facts, now }) => {
      await rotate();
      await apply(entry(bot, { schedule: { every: days(30), jitter: 0, windows: [] } }));
      expect((await facts()).due.at).toBe(now() + days(30));
    });
  });
}
