import { appendFileSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeybatonError } from '../../domain/errors.ts';
import type { FrozenVersion, KillFact } from '../../domain/incident.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import { until } from '../support/until.ts';
import { adaptersOf, declarationOf, directRig, type DirectRig } from './direct-kill-rig.ts';

let rig: DirectRig;
beforeEach(() => void (rig = directRig()));
afterEach(() => rig.close());

const fileOf = (incident: string): string => join(rig.home, 'incidents', `${incident}.jsonl`);
const textOf = (incident: string): string => readFileSync(fileOf(incident), 'utf8');
const soon = (): AbortSignal => AbortSignal.timeout(20_000);

async function run(
  incident: string,
  versions: readonly FrozenVersion[],
  changes: Parameters<DirectRig['open']>[0] = {},
) {
  const facts: KillFact[] = [];
  const progress = await rig.open(changes).direct.run({
    declaration: declarationOf(incident),
    versions,
    onFact: (fact) => facts.push(fact),
    signal: soon(),
  });
  return { progress, facts };
}

describe('a direct kill', () => {
  it('needs neither ledger nor Temporal: what is on the kill sheet is killed and proved', async () => {
    const versions = [rig.plant().frozen, rig.plant().frozen];
    const { progress, facts } = await run('i1', versions);
    expect(progress).toMatchObject({ keys: 2, contained: 2, dead: 2, open: [] });
    expect(rig.standing()).toEqual([]);
    expect(facts.map(({ kind }) => kind)).toEqual(['contained', 'contained', 'dead', 'dead']);
  });

  it('journals everything to a file that only its owner reads, before it tells', async () => {
    const { frozen } = rig.plant();
    const onDisk: boolean[] = [];
    await rig.open().direct.run({
      declaration: declarationOf('i1'),
      versions: [frozen],
      onFact: (fact) => onDisk.push(textOf('i1').includes(JSON.stringify(fact))),
      signal: soon(),
    });
    expect(onDisk).toEqual([true, true]);
    expect(statSync(fileOf('i1')).mode & 0o777).toBe(0o600);
    expect(textOf('i1').split('\n')[0]).toContain('"kind":"declared"');
  });

  it('has its declaration on disk before the first call to a provider', async () => {
    const { frozen } = rig.plant();
    let before: string | undefined;
    const adapters = adaptersOf((adapter) => ({
      ...adapter,
      revoke(target, ref, call) {
        before ??= textOf('i1');
        return adapter.revoke(target, ref, call);
      },
    }));
    await run('i1', [frozen], { adapters });
    expect(before).toContain(frozen.version);
  });

  it('goes on without its journal where the disk takes none', async () => {
    const { frozen } = rig.plant();
    writeFileSync(join(rig.home, 'incidents'), 'a file stands where the folder should be');
    const { progress } = await run('i1', [frozen]);
    expect(progress.dead).toBe(1);
    expect(rig.standing()).toEqual([]);
  });

  it('again, for the same incident, changes nothing', async () => {
    const { frozen } = rig.plant();
    await run('i1', [frozen]);
    const before = textOf('i1');
    const { progress } = await run('i1', [frozen]);
    expect(progress).toMatchObject({ contained: 1, dead: 1 });
    expect(textOf('i1')).toBe(before);
  });

  it('goes on where a SIGKILL cut it short', async () => {
    const versions = Array.from({ length: 60 }, () => rig.plant().frozen);
    const declared = join(rig.home, 'declared.json');
    writeFileSync(declared, JSON.stringify({ declaration: declarationOf('i1'), versions }));
    const process = await startScript({
      file: new URL('./direct-kill-process.ts', import.meta.url),
      args: [rig.home, rig.killSheet, rig.keyText, declared],
    });
    await process.printed(/fact contained/);
    await process.kill();
    const killed = textOf('i1')
      .split('\n')
      .filter((line) => line.includes('"contained"')).length;
    expect(killed).toBeGreaterThan(0);
    expect(rig.standing().length).toBeGreaterThan(0);

    const { progress } = await run('i1', versions);
    expect(progress).toMatchObject({ keys: 60, contained: 60, dead: 60, open: [] });
    expect(rig.standing()).toEqual([]);
    const facts = (await rig.open().journals.read()).journals[0]?.facts ?? [];
    expect(new Set(facts.map(({ version }) => version)).size).toBe(60);
    expect(facts.filter(({ kind }) => kind === 'dead')).toHaveLength(60);
  });

  it('does not end while it only waits: nothing else keeps its process alive', async () => {
    const versions = [rig.plant({ killAt: Date.now() + 2_500 }).frozen];
    const declared = join(rig.home, 'declared.json');
    writeFileSync(declared, JSON.stringify({ declaration: declarationOf('i1'), versions }));
    const process = await startScript({
      file: new URL('./direct-kill-process.ts', import.meta.url),
      args: [rig.home, rig.killSheet, rig.keyText, declared],
    });
    await process.printed(/^done$/m);
    expect(rig.standing()).toEqual([]);
  });

  it('passes over a line that a crash tore, and keeps it', async () => {
    const { frozen } = rig.plant();
    await rig.open().direct.journal(declarationOf('i1'), [frozen]);
    appendFileSync(fileOf('i1'), '{"kind":"fact","fact":{"kind":"dead","vers');
    const { progress } = await run('i1', [frozen]);
    expect(progress.dead).toBe(1);
    expect(textOf('i1')).toContain('"vers\n');
    expect((await rig.open().journals.read()).journals).toMatchObject([
      { facts: [{ kind: 'contained' }, { kind: 'dead' }] },
    ]);
  });

  it('declares anew where the declaration itself was torn', async () => {
    const { frozen } = rig.plant();
    mkdirSync(join(rig.home, 'incidents'));
    writeFileSync(fileOf('i1'), '{"kind":"declared","declarat');
    expect((await rig.open().journals.read()).troubles).toHaveLength(1);
    expect((await run('i1', [frozen])).progress.dead).toBe(1);
    expect((await rig.open().journals.read()).journals).toMatchObject([{ declaration: { incident: 'i1' } }]);
  });

  it('never mixes two incidents of one name', async () => {
    await run('i1', [rig.plant().frozen]);
    const other = rig.open().direct.run({
      declaration: declarationOf('i1', { declaredAt: 1, scope: 'another' }),
      versions: [],
      onFact: () => undefined,
      signal: soon(),
    });
    await expect(other).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('writes no file outside its folder, whatever the incident is called', async () => {
    await expect(rig.open().direct.journal(declarationOf('../../evil'), [])).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    });
  });

  it('keeps at a key that cannot be killed now, and answers what is left when it is told to stop', async () => {
    const { frozen } = rig.plant();
    const { frozen: other } = rig.plant();
    scriptTrouble(rig.world, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 1_000_000);
    const stop = new AbortController();
    const facts: KillFact[] = [];
    const running = rig.open().direct.run({
      declaration: declarationOf('i1'),
      versions: [frozen, other],
      onFact: (fact) => facts.push(fact),
      signal: stop.signal,
    });
    await until('people were told', () => facts.length === 2);
    await until('it was tried again', () =>
      rig.world.change((state) => (state.troubles[0]?.times ?? 0) < 1_000_000 - 6),
    );
    stop.abort();
    const progress = await running;
    expect(progress).toMatchObject({ contained: 0, dead: 0 });
    expect(progress.open.map(({ state }) => state)).toEqual(['not contained', 'not contained']);
    expect(facts.filter(({ kind }) => kind === 'trouble')).toHaveLength(2);
  });

  it('waits for the bound of a policy that asks for it', async () => {
    const { frozen } = rig.plant({ policy: 'replace-first', killAt: Date.now() + 400 });
    const { progress } = await run('i1', [frozen]);
    expect(progress.dead).toBe(1);
    const [fact] = (await rig.open().journals.read()).journals[0]?.facts ?? [];
    expect(fact?.at).toBeGreaterThanOrEqual(frozen.killAt);
  });

  it('leaves a provider alone that asks for patience, with all its keys', async () => {
    const versions = Array.from({ length: 60 }, () => rig.plant().frozen);
    const calls: number[] = [];
    const adapters = adaptersOf((adapter) => ({
      ...adapter,
      async revoke(target, ref, call) {
        calls.push(performance.now());
        if (calls.length === 1) throw new KeybatonError('RATE_LIMITED', 'slower', { retryAfter: 300 });
        return adapter.revoke(target, ref, call);
      },
    }));
    const { progress } = await run('i1', versions, { adapters });
    expect(progress.dead).toBe(60);
    const longest = Math.max(...calls.map((at, index) => at - (calls[index - 1] ?? at)));
    expect(longest).toBeGreaterThanOrEqual(290);
    // What was under way side by side, and nothing of the next batches.
    expect(calls.filter((at) => at - (calls[0] ?? 0) < 290).length).toBeLessThanOrEqual(10);
  });

  it('keeps to the rate that targets.yml says the provider bears', async () => {
    const versions = Array.from({ length: 4 }, () => rig.plant().frozen);
    const { targets } = rig.targets as { targets: { memory: object } };
    const memory = { ...targets.memory, rateLimit: { calls: 20, per: 1_000 } };
    rig.writeSheet({ targets: { targets: { memory }, backends: {} } });
    const began = performance.now();
    const { progress } = await run('i1', versions);
    expect(progress.dead).toBe(4);
    // 5 calls to kill and 5 to prove are half a second's worth.
    expect(performance.now() - began).toBeGreaterThanOrEqual(490);
  });

  it('keeps no value, in its journal or in what it tells', async () => {
    const planted = [rig.plant(), rig.plant()];
    for (const how of ['message', 'cause', 'non-error', 'parse-error'] as const) {
      scriptTrouble(rig.world, 'revoke', { kind: 'leak', how }, 2);
      scriptTrouble(rig.world, 'list', { kind: 'leak', how });
    }
    const { facts } = await run(
      'i1',
      planted.map(({ frozen }) => frozen),
      { environment: { ADMIN: 'kbcanary-admin-value' } },
    );
    const told =
      JSON.stringify(facts) +
      readdirSync(join(rig.home, 'incidents'))
        .map((name) => readFileSync(join(rig.home, 'incidents', name), 'utf8'))
        .join('');
    expect(facts.some(({ kind }) => kind === 'trouble')).toBe(true);
    for (const secret of ['kbcanary-admin-value', ...planted.map(({ value }) => value)])
      expect(told).not.toContain(secret);
  });
});

describe('what stands for a ledger that is away', () => {
  it('is a targets file where there is no kill sheet either', async () => {
    const { frozen } = rig.plant();
    const file = join(rig.home, 'targets.yml');
    writeFileSync(file, JSON.stringify(rig.targets));
    const { progress } = await run('i1', [frozen], {
      killSheet: join(rig.home, 'nowhere.json'),
      environment: { ADMIN: 'admin', KEYBATON_TARGETS: file, KEYBATON_INSTALLATION: 'inst1' },
    });
    expect(progress.dead).toBe(1);
  });

  it('is nothing where nothing is known: it says where it looked', async () => {
    const { ports } = rig.open({ killSheet: join(rig.home, 'nowhere.json') });
    await expect(ports.provider('memory')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/ledger does not answer.*no kill sheet.*KEYBATON_TARGETS/),
    });
  });

  it('costs a second once where it hangs, and is then left alone', async () => {
    let asked = 0;
    const { ports } = rig.open({
      ledger: () => {
        asked += 1;
        return new Promise(() => undefined);
      },
      patience: 50,
    });
    await Promise.all([ports.provider('memory'), ports.provider('memory')]);
    await ports.provider('memory');
    expect(asked).toBe(1);
  });

  it('is asked again when it was left alone for long enough', async () => {
    let asked = 0;
    const { ports } = rig.open({
      ledger: () => {
        asked += 1;
        throw new KeybatonError('UNAVAILABLE', 'down');
      },
      leaveAlone: 1,
    });
    await ports.provider('memory');
    await until('it is asked again', async () => {
      await ports.provider('memory');
      return asked > 1;
    });
  });
});
