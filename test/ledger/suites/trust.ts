import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../../scripts/servers/temporary-folder.ts';
import { openLedger } from '../../../ledger/open.ts';
import { bot, entry, freshVersion, minutes, search } from '../fixtures.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import type { Place } from '../places.ts';
import { expectRefusal, expectSound, scenario } from '../scenario.ts';

export function trustSuite(place: Place): void {
  describe('the chain', () => {
    scenario(place, 'cannot be changed by SQL', async ({ place: where, url, rotate }) => {
      await rotate();
      await expect(where.behind(url, `update events set actor = 'os:nobody' where n = 1`)).rejects.toThrow(
        /append-only/,
      );
      await expect(where.behind(url, 'delete from events where n = 1')).rejects.toThrow(/append-only/);
      await expect(where.behind(url, 'delete from events')).rejects.toThrow(/append-only/);
    });

    const tampering: readonly (readonly [what: string, statement: string, n: number])[] = [
      ['a changed actor', `update events set actor = 'os:nobody' where n = 2`, 2],
      ['a changed body', `update events set body = '{}' where n = 3`, 3],
      ['a changed time', 'update events set at = at + 1 where n = 3', 3],
      ['a removed event', 'delete from events where n = 2', 2],
      ['a swapped credential', `update events set credential = 'a/b/c' where n = 2`, 2],
    ];
    for (const [what, statement, n] of tampering) {
      it(`shows ${what} at its number`, async () => {
        const url = await place.fresh();
        const ledger = await openLedger({ url });
        await ledger.applyInventory({
          teams: ['support'],
          entries: [entry(), entry(search)],
          targets: {},
          actor: 'os:tester',
        });
        await disarm(place, url);
        await place.behind(url, statement);
        expect((await ledger.verifyChain()).broken[0]?.n).toBe(n);
        await ledger.close();
      });
    }

    it('shows that its end was cut off', async () => {
      const url = await place.fresh();
      const ledger = await openLedger({ url });
      await ledger.applyInventory({ teams: ['support'], entries: [entry()], targets: {}, actor: 'os:tester' });
      await disarm(place, url);
      await place.behind(url, 'delete from events where n = 2');
      expect((await ledger.verifyChain()).broken).toEqual([{ n: 2, why: expect.stringMatching(/cut off/) }]);
      await ledger.close();
    });

    it('never runs backwards in time, and the clock does not either', async () => {
      let time = 2_000_000;
      const ledger = await openLedger({ url: await place.fresh(), clock: () => time });
      await ledger.note({ kind: 'first', actor: 'os:tester', body: {} });
      time = 1_000_000;
      await ledger.note({ kind: 'second', actor: 'os:tester', body: {} });
      expect((await ledger.history({ limit: 2 })).map((event) => event.at)).toEqual([2_000_000, 2_000_000]);
      expect(await ledger.clock()).toBe(2_000_000);
      await expectSound(ledger);
      await ledger.close();
    });

    it("takes the database's own clock when none is given", async () => {
      const ledger = await openLedger({ url: await place.fresh() });
      const before = Date.now();
      const now = await ledger.clock();
      expect(Math.abs(now - before)).toBeLessThan(minutes(5));
      await ledger.close();
    });
  });

  describe('the projections', () => {
    it('are made again from events after they were lost', async () => {
      const url = await place.fresh();
      const ledger = await openLedger({ url });
      await ledger.applyInventory({ teams: ['support'], entries: [entry()], targets: {}, actor: 'os:tester' });
      const before = await ledger.dump();
      await place.behind(url, 'delete from credentials');
      expect(await ledger.dump()).not.toEqual(before);
      await ledger.rebuild();
      expect(await ledger.dump()).toEqual(before);
      await ledger.close();
    });

    scenario(place, 'are rebuilt without moving the leases of a reused name', async ({ ledger, apply, rotate }) => {
      const renamed = parseCredentialId('openai/prod/assistant');
      const beat = { consumer: 'api', instance: 'one', boot: 'b', lease: minutes(10) };
      await rotate();
      await apply(entry(renamed, { movedFrom: bot }));
      await apply(entry(renamed, { movedFrom: bot }), entry(bot));
      await rotate(bot);
      await ledger.beat({ ...beat, credential: bot });
      await ledger.rebuild();
      expect((await ledger.evidence(bot)).instances[0]?.leaseUntil).toBe((await ledger.clock()) + minutes(10));
    });
  });

  describe('reading', () => {
    scenario(place, 'pages through the credentials in id order', async ({ ledger, apply }) => {
      const ids = ['a/b/c', 'a/b/d', 'a/b-c/d', 'b/a/a'].map(parseCredentialId);
      await apply(entry(), ...ids.map((id) => entry(id)));
      const seen: string[] = [];
      for (let after: (typeof ids)[number] | undefined; ;) {
        const page = await ledger.list({ limit: 2, ...(after === undefined ? {} : { after }) });
        seen.push(...page.map((one) => one.id));
        after = page.at(-1)?.id;
        if (after === undefined) break;
      }
      expect(seen).toEqual([...ids, bot].toSorted());
    });

    scenario(place, 'pages through history from an event on, or shows its end', async ({ ledger, rotate }) => {
      await rotate();
      const all = await ledger.history({ limit: 1000 });
      expect(all.map((event) => event.n)).toEqual(all.map((_, index) => index + 1));
      expect((await ledger.history({ limit: 2 })).map((event) => event.n)).toEqual(
        all.slice(-2).map((event) => event.n),
      );
      expect((await ledger.history({ afterN: 1, limit: 2 })).map((event) => event.n)).toEqual([2, 3]);
    });

    scenario(place, 'says what it has never heard of', async ({ ledger }) => {
      await expectRefusal(ledger.facts(search), 'NOT_FOUND');
      await expectRefusal(ledger.evidence(search), 'NOT_FOUND');
      await expectRefusal(ledger.history({ credential: search, limit: 1 }), 'NOT_FOUND');
      await expectRefusal(ledger.credentialOf(freshVersion()), 'NOT_FOUND');
      await expectRefusal(ledger.spent({ version: freshVersion(), why: 'x' }), 'NOT_FOUND');
      await expectRefusal(
        ledger.startRun({ credential: search, run: 'r', reason: 'due', actor: 'sweep' }),
        'NOT_FOUND',
      );
    });
  });

  describe('opening', () => {
    it('gives one installation name, the same ever after', async () => {
      const url = await place.fresh();
      const names = new Set<string>();
      for (const ledger of await Promise.all([1, 2, 3].map(() => openLedger({ url })))) {
        names.add(await ledger.installation());
        await ledger.close();
      }
      expect([...names]).toEqual([expect.stringMatching(/^[a-z0-9]{8}$/)]);
    });

    it('refuses a ledger that a newer keybaton wrote', async () => {
      const url = await place.fresh();
      await (await openLedger({ url })).close();
      await place.behind(url, `update meta set value = '99' where key = 'schema'`);
      await expectRefusal(openLedger({ url }), 'INVALID_CONFIG', /schema version 99/);
    });

    it('observes alone after its head was set back, until a person has reconciled it', async () => {
      const url = await place.fresh();
      const killSheet = place.dialect === 'postgres' ? { killSheet: sheetPath() } : {};
      const first = await openLedger({ url, ...killSheet });
      await first.applyInventory({ teams: ['support'], entries: [entry()], targets: {}, actor: 'os:tester' });
      await first.note({ kind: 'lost', actor: 'os:tester', body: {} });
      await first.close();
      await disarm(place, url);
      await place.behind(url, 'delete from events where n = 3');
      await place.behind(url, 'update chain set n = 2, hash = (select hash from events where n = 2)');

      const restored = await openLedger({ url, ...killSheet });
      expect((await restored.facts(bot)).observeOnly).toBe(true);
      const version = freshVersion();
      const plan = () =>
        restored.planVersion({
          credential: bot,
          version,
          target: 't',
          as: 'pending',
          baseline: { place: 'p', live: [], at: 0 },
        });
      await expectRefusal(plan(), 'CONFLICT', /only observes/);
      await restored.reconciled({ who: 'os:tester' });
      await restored.reconciled({ who: 'os:tester' });
      await plan();
      expect((await restored.facts(bot)).observeOnly).toBe(false);
      await expectSound(restored);
      await restored.close();
      const again = await openLedger({ url, ...killSheet });
      expect((await again.facts(bot)).observeOnly).toBe(false);
      await again.close();
    });
  });
}

/** What somebody with the database's own rights could do. */
async function disarm(place: Place, url: string): Promise<void> {
  if (place.dialect === 'postgres') await place.behind(url, 'drop trigger events_append_only on events');
  else for (const change of ['update', 'delete']) await place.behind(url, `drop trigger events_no_${change}`);
}

function sheetPath(): string {
  const folder = temporaryFolder('kill-sheet');
  onTestFinished(() => folder.remove());
  return join(folder.path, 'kill-sheet.json');
}
