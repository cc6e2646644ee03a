import { describe, expect } from 'vitest';
import type { MakeRequest } from '../../../ledger/ledger.ts';
import { bot, entry, freshVersion, minutes } from '../fixtures.ts';
import type { Place } from '../places.ts';
import { expectRefusal, proofKey, scenario } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

const ask = ({ ledger }: Scenario, request: Partial<MakeRequest> & Pick<MakeRequest, 'kind'>) =>
  ledger.request({ credential: bot, who: 'os:tester', why: 'a test', ...request });

export function peopleSuite(place: Place): void {
  describe('a request', () => {
    for (const kind of ['pause', 'freeze', 'rotate'] as const) {
      scenario(place, `to ${kind} made twice is the first`, async (scenario) => {
        const first = await ask(scenario, { kind });
        expect(await ask(scenario, { kind, who: 'os:other' })).toEqual(first);
        expect((await scenario.facts()).requests).toEqual([first]);
      });
    }

    scenario(place, 'to freeze everything is seen by every credential, and is one', async (scenario) => {
      const freeze = () => scenario.ledger.request({ kind: 'freeze', who: 'os:tester', why: 'holidays' });
      const first = await freeze();
      expect(first.credential).toBeUndefined();
      expect(await freeze()).toEqual(first);
      expect((await scenario.facts()).requests).toEqual([first]);
      await scenario.ledger.withdrawRequest({ id: first.id, who: 'os:tester', why: 'over' });
      expect((await scenario.facts()).requests).toEqual([]);
    });

    scenario(place, 'of everything can only be a freeze', async ({ ledger }) => {
      await expectRefusal(ledger.request({ kind: 'rotate', who: 'os:tester', why: 'x' }), 'INVALID_CONFIG');
    });

    scenario(
      place,
      'ends once: taken back twice is no change, taken back after it was honoured is refused',
      async (scenario) => {
        const withdraw = (id: string) => scenario.ledger.withdrawRequest({ id, who: 'os:tester', why: 'x' });
        const first = await ask(scenario, { kind: 'rotate' });
        await withdraw(first.id);
        await withdraw(first.id);
        const second = await ask(scenario, { kind: 'rotate' });
        expect(second.id).not.toBe(first.id);
        await scenario.rotate();
        await expectRefusal(withdraw(second.id), 'CONFLICT', /honoured/);
        await expectRefusal(withdraw('r0'), 'NOT_FOUND');
      },
    );

    scenario(place, 'to roll back names an earlier version that was current', async (scenario) => {
      const first = await scenario.rotate();
      const second = await scenario.rotate();
      const pending = await scenario.issue();
      await expectRefusal(ask(scenario, { kind: 'rollBack' }), 'INVALID_CONFIG');
      await expectRefusal(ask(scenario, { kind: 'rollBack', version: freshVersion() }), 'NOT_FOUND');
      await expectRefusal(ask(scenario, { kind: 'rollBack', version: second }), 'CONFLICT', /already/);
      await expectRefusal(ask(scenario, { kind: 'rollBack', version: pending }), 'CONFLICT', /never current/);
      await ask(scenario, { kind: 'rollBack', version: first });
    });

    scenario(place, 'to roll back is one at a time', async (scenario) => {
      const [first, second] = [await scenario.rotate(), await scenario.rotate()];
      await scenario.rotate();
      const request = await ask(scenario, { kind: 'rollBack', version: first });
      expect(await ask(scenario, { kind: 'rollBack', version: first })).toEqual(request);
      await expectRefusal(ask(scenario, { kind: 'rollBack', version: second }), 'CONFLICT', /withdraw/);
    });

    scenario(place, 'to roll back is refused for a compromised or dead version', async (scenario) => {
      const [leaked, dead] = [await scenario.rotate(), await scenario.rotate()];
      await scenario.rotate();
      await scenario.ledger.declareIncident({ incident: 'i', versions: [leaked], who: 'os:tester', why: 'leaked' });
      await scenario.kill(dead);
      await expectRefusal(ask(scenario, { kind: 'rollBack', version: leaked }), 'CONFLICT', /compromised/);
      await expectRefusal(ask(scenario, { kind: 'rollBack', version: dead }), 'CONFLICT', /dead/);
    });

    scenario(place, 'to roll back lapses when its version is compromised', async (scenario) => {
      const first = await scenario.rotate();
      await scenario.rotate();
      await ask(scenario, { kind: 'rollBack', version: first });
      await scenario.ledger.declareIncident({ incident: 'i', versions: [first], who: 'os:tester', why: 'leaked' });
      expect((await scenario.facts()).requests).toEqual([]);
    });

    scenario(place, 'to pause is possible while some doomed version is not yet authorised', async (scenario) => {
      const first = await scenario.rotate();
      await scenario.rotate();
      await scenario.rotate();
      await scenario.prove(first);
      await scenario.ledger.authorise({ credential: bot, version: first, epoch: 3, signal: true });
      await ask(scenario, { kind: 'pause' });
    });

    scenario(place, 'to release says what', async (scenario) => {
      await expectRefusal(ask(scenario, { kind: 'release' }), 'INVALID_CONFIG');
      await expectRefusal(ask(scenario, { kind: 'release', release: 'unproved' }), 'CONFLICT', /no epoch/);
      await expectRefusal(ask(scenario, { kind: 'release', release: 'retire' }), 'CONFLICT', /not retiring/);
    });

    scenario(place, 'to release a debt alive gives up that version for good', async (scenario) => {
      const old = await scenario.rotate();
      const current = await scenario.rotate();
      await expectRefusal(ask(scenario, { kind: 'release', release: 'alive', version: current }), 'CONFLICT', /doomed/);
      await ask(scenario, { kind: 'release', release: 'alive', version: old });
      expect((await scenario.version(old)).fate).toBe('released');
      expect((await scenario.facts()).requests).toEqual([]);
    });
  });

  describe('a retiring entry', () => {
    scenario(place, 'dies when everybody has left, it is silent and a person lets go', async (scenario) => {
      const { ledger } = scenario;
      const version = await scenario.rotate();
      await scenario.prove(version);
      await scenario.apply();
      const authorise = () => ledger.authorise({ credential: bot, version, epoch: 1, signal: true });
      await expectRefusal(authorise(), 'CONFLICT', /api\/one has not left; nobody released/);
      await ledger.leave({ credential: bot, consumer: 'api', instance: 'one', how: 'deregistered' });
      await expectRefusal(authorise(), 'CONFLICT', /nobody released/);
      await ask(scenario, { kind: 'release', release: 'retire' });
      await authorise();
      await ledger.dead({ version, grade: 'refused' });
      expect(await scenario.facts()).toMatchObject({ status: 'released', requests: [] });
      expect((await ledger.inventory()).entries).toEqual([]);
    });

    scenario(place, 'has its last version watched, and one that came back has not', async (scenario) => {
      const version = await scenario.rotate();
      const watched = async () => (await scenario.ledger.toWatch('openai-prod')).map((one) => one.version);
      expect(await watched()).toEqual([]);
      await scenario.apply();
      expect(await watched()).toEqual([version]);
      await scenario.apply(entry());
      expect(await watched()).toEqual([]);
    });

    scenario(place, 'that came back and is removed again is let go anew', async (scenario) => {
      const version = await scenario.rotate();
      await scenario.apply();
      await ask(scenario, { kind: 'release', release: 'retire' });
      await scenario.apply(entry());
      expect((await scenario.facts()).requests).toEqual([]);
      await scenario.apply();
      const authorising = scenario.ledger.authorise({ credential: bot, version, epoch: 1, signal: false });
      await expectRefusal(authorising, 'CONFLICT', /nobody released/);
    });

    scenario(place, 'is due when it comes back after its last version died, and only then', async (scenario) => {
      const version = await scenario.rotate();
      const { due } = await scenario.facts();
      await scenario.apply();
      await scenario.apply(entry());
      expect((await scenario.facts()).due.at).toBe(due.at);
      await scenario.apply();
      await ask(scenario, { kind: 'release', release: 'retire' });
      await scenario.ledger.refused({ version, why: 'test' });
      await scenario.ledger.dead({ version, grade: 'refused' });
      expect((await scenario.facts()).status).toBe('released');
      await scenario.apply(entry());
      expect((await scenario.facts()).due.at).toBe(scenario.now());
    });

    scenario(place, 'that never had a version ends with the release', async (scenario) => {
      await scenario.apply();
      await ask(scenario, { kind: 'release', release: 'retire' });
      expect((await scenario.facts()).status).toBe('released');
      await scenario.apply(entry());
      expect((await scenario.facts()).status).toBe('managed');
    });

    scenario(place, 'with a version nobody can kill ends when a person gives that up too', async (scenario) => {
      const version = freshVersion();
      const { ledger } = scenario;
      await ledger.importVersion({
        credential: bot,
        version,
        target: 't',
        ref: undefined,
        fingerprint: 'f',
        copies: [],
        proofKey,
        who: 'os:tester',
        current: true,
      });
      await scenario.apply();
      await ask(scenario, { kind: 'release', release: 'retire' });
      expect((await scenario.facts()).status).toBe('retiring');
      await ask(scenario, { kind: 'release', release: 'alive', version });
      expect((await scenario.facts()).status).toBe('released');
    });
  });

  describe('an alarm', () => {
    const raise = ({ ledger }: Scenario, text: string) =>
      ledger.alarm({ credential: bot, key: 'held/1', text, page: false });

    scenario(place, 'is raised once per key, and again only changes its text', async (scenario) => {
      const raisedAt = scenario.now();
      await raise(scenario, 'one is missing');
      const before = await scenario.kinds();
      await raise(scenario, 'one is missing');
      expect(await scenario.kinds()).toEqual(before);
      scenario.pass(minutes(1));
      await raise(scenario, 'two are missing');
      expect(await scenario.ledger.openAlarms(bot)).toEqual([
        { credential: bot, key: 'held/1', text: 'two are missing', page: false, raisedAt },
      ]);
    });

    scenario(place, 'is cured by the beginning of its key, and is a new one afterwards', async (scenario) => {
      await raise(scenario, 'one is missing');
      await scenario.ledger.alarm({ credential: bot, key: 'drift/vault', text: 'behind', page: true });
      await scenario.ledger.cure({ credential: bot, keyPrefix: 'held/' });
      expect((await scenario.ledger.openAlarms()).map((one) => one.key)).toEqual(['drift/vault']);
      scenario.pass(minutes(1));
      await raise(scenario, 'one is missing');
      expect((await scenario.ledger.openAlarms(bot)).find((one) => one.key === 'held/1')?.raisedAt).toBe(
        scenario.now(),
      );
    });
  });

  describe('a note', () => {
    scenario(place, 'is an event without a projection, and cannot pass for one of ours', async (scenario) => {
      const before = await scenario.ledger.dump();
      await scenario.ledger.note({ kind: 'doctor.ran', actor: 'os:tester', body: { ok: true } });
      expect(await scenario.ledger.dump()).toEqual(before);
      expect((await scenario.ledger.history({ limit: 1 }))[0]).toMatchObject({
        kind: 'doctor.ran',
        body: { ok: true },
      });
      await expectRefusal(
        scenario.ledger.note({ kind: 'version.dead', actor: 'os:tester', body: {} }),
        'INVALID_CONFIG',
      );
    });

    scenario(place, 'keeps any text, also what a database cannot store', async (scenario) => {
      const text = 'nul \0 lone \ud800 quote \u2028 \u{1f511}';
      await scenario.ledger.note({ kind: 'odd', actor: text, body: { [text]: text } });
      const clean = 'nul  lone \ufffd quote \u2028 \u{1f511}';
      expect((await scenario.ledger.history({ limit: 1 }))[0]).toMatchObject({
        actor: clean,
        body: { [clean]: clean },
      });
    });
  });

  describe('an incident', () => {
    const declare = (
      { ledger }: Scenario,
      incident: string,
      ...versions: Parameters<typeof ledger.openIncidentsOf>[0][]
    ) => ledger.declareIncident({ incident, versions, who: 'os:tester', why: 'leaked' });

    scenario(place, 'marks its versions and dooms what was never current', async (scenario) => {
      const current = await scenario.rotate();
      const [pending, standby] = [await scenario.issue(), await scenario.issue(bot, 'standby')];
      await declare(scenario, 'i1', standby, current, pending);
      await declare(scenario, 'i1', current, pending, standby);
      const found = (await scenario.facts()).versions.map((one) => [one.id, one.fate, one.compromised]);
      expect(found).toEqual([
        [current, 'current', true],
        [pending, 'doomed', true],
        [standby, 'doomed', true],
      ]);
    });

    scenario(
      place,
      'is joined by others over the same versions, and closing one closes nothing of another',
      async (scenario) => {
        const version = await scenario.rotate();
        await declare(scenario, 'i1', version);
        await declare(scenario, 'i2', version);
        await scenario.ledger.closeIncident({ incident: 'i1', who: 'os:tester' });
        await scenario.ledger.closeIncident({ incident: 'i1', who: 'os:tester' });
        expect(await scenario.ledger.openIncidentsOf(version)).toEqual(['i2']);
        expect((await scenario.version(version)).compromised).toBe(true);
        await expectRefusal(scenario.ledger.closeIncident({ incident: 'none', who: 'os:tester' }), 'NOT_FOUND');
      },
    );

    scenario(place, 'writes nothing when one of its versions is unknown', async (scenario) => {
      const version = await scenario.rotate();
      await expectRefusal(declare(scenario, 'i1', version, freshVersion()), 'NOT_FOUND');
      expect((await scenario.version(version)).compromised).toBe(false);
    });

    scenario(place, 'opens the due date again only for the version that honoured it', async (scenario) => {
      const first = await scenario.rotate();
      await scenario.rotate();
      await declare(scenario, 'i1', first);
      expect((await scenario.facts()).due.reopened).toBe(false);
    });
  });
}
