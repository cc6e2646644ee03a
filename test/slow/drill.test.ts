import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { filesOf, placeOf } from '../../scripts/demo/search-places.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { startFake } from '../fakes/start.ts';
import { search } from '../../scripts/leak-hunt/search.ts';
import { bot, drillRig, type DrillRig } from '../worker/drill-rig.ts';

let rig: DrillRig;
afterEach(() => rig.close());

describe('a drill', () => {
  it(
    'mints a key of its own, has it stolen, kills it, and measures what the thief saw',
    { timeout: 120_000 },
    async () => {
      rig = await drillRig();
      const before = await rig.facts();
      const { exit, stdout } = await rig.type(['drill', bot, '--json', '--linger', '1s']);
      const said = JSON.parse(stdout);
      expect(said.measures).toMatchObject({ verdict: 'passed', because: [] });
      expect(exit).toBe(0);
      expect(said.measures.uses.beforeDeclared).toBeGreaterThan(0);
      expect(said.measures.uses.answeredAfterDead).toBeGreaterThan(0);
      expect(said.measures.uses.afterDead).toBe(0);
      expect(rig.standing()).toEqual(['current']);
      const after = await rig.facts();
      expect(after.versions.find(({ id }) => id === said.version)).toMatchObject({
        ...{ drill: true, fate: 'dead', everCurrent: false },
        dead: { grade: 'refused' },
      });
      expect([after.epochs, after.due, after.openRun]).toEqual([before.epochs, before.due, undefined]);
      const incident = await rig.ledger.incident(said.incident);
      expect(incident).toMatchObject({ drill: true, keys: 1, dead: 1, who: 'os:ada' });
      expect(incident.closedAt).toBeDefined();
      const evidence = (await rig.ledger.history({ credential: bot, limit: 50 })).filter(
        ({ kind }) => kind === 'drill.measured',
      );
      expect(evidence).toEqual([
        expect.objectContaining({ actor: 'os:ada', body: expect.objectContaining({ verdict: 'passed' }) }),
      ]);
    },
  );

  it(
    'has its value nowhere: no file, no output, no argument or environment of any process',
    { timeout: 120_000 },
    async () => {
      rig = await drillRig();
      const processes: Buffer[] = [];
      const { exit, stdout, stderr } = await rig.type(['drill', '--target', 'memory', '--linger', '1s'], (text) => {
        if (text.includes('the thief is in')) processes.push(...runningProcesses());
      });
      expect([exit, rig.minted.length]).toEqual([0, 1]);
      expect(processes.some((one) => one.includes('drill-thief'))).toBe(true);
      expect(processes.some((one) => one.includes(rig.environment.ADMIN))).toBe(false);
      const written = [
        ...filesOf(rig.home).map((file) => placeOf(file)),
        { name: 'output', bytes: [Buffer.from(stdout + stderr)] },
        { name: 'processes', bytes: processes },
      ];
      expect(written.length).toBeGreaterThan(3);
      expect(search({ name: 'control', bytes: [Buffer.from(`x ${rig.minted[0] ?? ''}`)] }, rig.minted)).not.toEqual([]);
      for (const place of written) expect([place.name, search(place, rig.minted)]).toEqual([place.name, []]);
    },
  );

  it('is killed although everything was frozen after it had begun', { timeout: 120_000 }, async () => {
    rig = await drillRig();
    let frozen: Promise<unknown> | undefined;
    const { exit } = await rig.type(['drill', bot, '--direct', '--linger', '100ms'], (text) => {
      if (text.includes('the thief is in'))
        frozen = rig.ledger.request({ kind: 'freeze', who: 'os:ada', why: 'a launch' });
    });
    await frozen;
    expect((await rig.facts()).requests).toMatchObject([{ kind: 'freeze' }]);
    expect([exit, rig.standing()]).toEqual([0, ['current']]);
  });

  it('that is stopped kills what it has made all the same', { timeout: 120_000 }, async () => {
    rig = await drillRig();
    const stop = new AbortController();
    const noticed = (text: string): void => {
      if (text.includes('is being made')) stop.abort();
    };
    const { exit, stdout } = await rig.type(['drill', bot, '--direct'], noticed, stop.signal);
    expect([exit, stdout]).toEqual([8, expect.stringContaining('FAILED\n  it was stopped')]);
    expect((await rig.facts()).versions.filter(({ drill }) => drill)).toMatchObject([{ fate: 'dead' }]);
    expect(rig.standing()).toEqual(['current']);
  });

  it('whose key could not be made fails, and what may have been made dies', { timeout: 120_000 }, async () => {
    rig = await drillRig();
    scriptTrouble(rig.world, 'issue', { kind: 'fail', code: 'UNAVAILABLE' });
    const { exit, stdout } = await rig.type(['drill', bot, '--direct', '--json']);
    const said = JSON.parse(stdout);
    expect(exit).toBe(8);
    expect(said.measures.because).toEqual(expect.arrayContaining(['the world was told to fail here']));
    expect((await rig.facts()).versions.find(({ id }) => id === said.version)).toMatchObject({ fate: 'dead' });
    expect(rig.standing()).toEqual(['current']);
    expect((await rig.ledger.openAlarms(bot)).map(({ key }) => key)).toEqual(['drill/failed']);
  });

  it('at a provider of the real kind is killed by its API', { timeout: 120_000 }, async () => {
    const openAi = await startFake('openai');
    try {
      const none = { createSpread: 0, revokeSpread: 0, lateCreate: 0, usageLag: 0 };
      rig = await drillRig({
        provider: 'openai',
        settings: { project: 'proj_drill', baseUrl: openAi.url, ...none },
        environment: { ADMIN: openAi.adminKey },
      });
      const { exit, stdout } = await rig.type(['drill', bot, '--direct', '--json', '--linger', '1s']);
      expect(JSON.parse(stdout).measures).toMatchObject({ verdict: 'passed', because: [] });
      expect(exit).toBe(0);
      const written = filesOf(rig.home).map((file) => placeOf(file));
      expect(openAi.values.length).toBeGreaterThan(0);
      for (const place of written) expect([place.name, search(place, openAi.values)]).toEqual([place.name, []]);
    } finally {
      await openAi.stop();
    }
  });

  it.each([
    ['whose keys a person supplies', { provider: 'in-memory-supplied' }, 7, /supplied by a person/],
    ['without room at the target', { settings: { maxLive: 1 } }, 6, /room/],
    ['that only observes', { entry: { mode: 'observe' as const } }, 5, /mode observe/],
  ])('of a credential %s is refused with nothing done', async (_which, options, code, why) => {
    rig = await drillRig(options);
    const before = [await rig.facts(), rig.standing()];
    const { exit, stderr } = await rig.type(['drill', bot]);
    expect([exit, stderr]).toEqual([code, expect.stringMatching(why)]);
    const after = [await rig.facts(), rig.standing()];
    expect(withoutClock(after)).toEqual(withoutClock(before));
  });

  it('is refused while everything is frozen, with nothing done', async () => {
    rig = await drillRig();
    await rig.ledger.request({ kind: 'freeze', who: 'os:ada', why: 'a launch' });
    const { exit, stderr } = await rig.type(['drill', '--target', 'memory']);
    expect([exit, stderr.replace(/\s+/g, ' ')]).toEqual([5, expect.stringContaining('frozen by os:ada: a launch')]);
    expect((await rig.facts()).versions).toHaveLength(1);
  });
});

const withoutClock = (facts: readonly unknown[]): unknown =>
  JSON.parse(JSON.stringify(facts, (key, value: unknown) => (key === 'now' ? undefined : value)));

/** Arguments and environment of every process that runs now, as the system shows them to their owner. */
function runningProcesses(): Buffer[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((id) => {
      try {
        const command = readFileSync(`/proc/${id}/cmdline`);
        // Of others only what belongs to this drill.
        return command.includes('drill-thief') ? [command, readFileSync(`/proc/${id}/environ`)] : [];
      } catch {
        return [];
      }
    });
}
