import { afterEach, describe, expect, test } from 'vitest';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { plantKey } from '../../providers/in-memory/world.ts';
import type { ChecksInput } from '../../worker/checks.ts';
import { openRig, type Rig, type RigOptions } from '../activities/rig.ts';
import { consumer } from '../support/rotation-world.ts';
import { bad, checksOf, everything, of, rotate } from './checks-rig.ts';

let rig: Rig;
afterEach(() => rig.close());

async function open(options: RigOptions = {}): Promise<void> {
  rig = await openRig(options);
}

const checks = (changes: Partial<ChecksInput> = {}) => checksOf(rig, changes);

describe('plan', () => {
  test('of a first rotation issues and promotes, and nothing dies', async () => {
    await open();
    const { steps, findings } = await checks().plan(rig.id);
    expect(steps[0]).toMatch(
      /^make a new version: issue it at target target in target, stage it in shelf at ai\/test\/bot/,
    );
    expect(steps).toContain('promote epoch 1 in shelf at ai/test/bot');
    expect(steps.join(' ')).not.toMatch(/revoke|erase/);
    expect(bad(findings)).toEqual([]);
  });

  test('of a later one names who must prove what, for how long it must be silent, and what dies', async () => {
    await open({
      entry: {
        consumers: [consumer('api'), consumer('nightly', { kind: 'job', demand: 'rolled-out' })],
        silence: { for: 3_600_000 },
        soak: 60_000,
        mode: 'ask',
      },
    });
    const version = await rotate(rig, 'run');
    const { steps } = await checks().plan(rig.id);
    const story = steps.join('\n');
    expect(story).toContain('every instance of api has shown possession');
    expect(story).toContain('every instance of nightly has shown rolled-out at its next run');
    expect(story).toContain('silent for 60 min (timestamp');
    expect(story).toContain('stop until a person runs keybaton release --ask');
    expect(story).toContain('suspend the old version, and wait 60 s');
    expect(story).toContain(`revoke version ${version} (key-1): from here only forward`);
    const order = ['make a new', 'promote epoch 2', 'possession', 'silent for', 'revoke version', 'refuses', 'erase'];
    const places = order.map((word) => steps.findIndex((step) => step.includes(word)));
    expect(places).toEqual([...places].sort((one, other) => one - other));
    expect(places).not.toContain(-1);
  });

  test('has no side effect on provider, backend or ledger', async () => {
    await open({ entry: { consumers: [consumer('api')] } });
    await rotate(rig, 'one');
    await rotate(rig, 'two');
    const before = await everything(rig);
    await checks().plan(rig.id);
    expect(await everything(rig)).toBe(before);
  });

  test('never uses a version that is being watched, even to learn whether it could come back', async () => {
    await open({ entry: { consumers: [consumer('api')], silence: { for: 3_600_000 } } });
    const old = await rotate(rig, 'one');
    const leaked = await rotate(rig, 'two');
    await rig.ledger.declareIncident({ incident: 'leak', versions: [leaked], who: 'test', why: 'test' });
    const uses = (): number | undefined =>
      rig.provider.change((state) => state.keys.find((key) => key.tag?.endsWith(old))?.useCount);
    const before = uses();
    const { steps } = await checks().plan(rig.id);
    expect(steps[0]).toContain(`revoke version ${leaked}`);
    expect(steps[1]).toBe('promote epoch 3 in shelf at ai/test/bot');
    expect(before).toBeDefined();
    expect(uses()).toBe(before);
  });

  test('says what would fail now, each with a remedy, and goes on after the first', async () => {
    await open({ settings: { maxLive: 1 } });
    plantKey(rig.provider, { id: 'theirs', value: 'kbcanarytheirs', at: Date.now() });
    await rig.ledger.request({ kind: 'pause', credential: rig.id, who: 'ann', why: 'holiday' });
    rig.shelf.script('sealed', { operation: 'describe', times: 2 });
    const { findings } = await checks().plan(rig.id);
    expect(of(findings, rig.id)).toMatchObject([{ verdict: 'failure', text: 'paused by ann: holiday' }]);
    expect(of(findings, 'backend shelf')).toMatchObject([
      { verdict: 'failure', text: expect.stringContaining('sealed') },
    ]);
    expect(of(findings, 'target target')).toMatchObject([
      { verdict: 'failure', text: expect.stringContaining('no more fit') },
    ]);
    expect(bad(findings).every(({ remedy }) => (remedy ?? '') !== '')).toBe(true);
  });

  test('a value written by hand would hold it, and it says so', async () => {
    await open();
    await rotate(rig, 'one');
    rig.shelf.writeByHand(rig.path, { api_key: 'kbcanarybyhand' });
    const { findings } = await checks().plan(rig.id);
    expect(of(findings, 'backend shelf')).toMatchObject([
      { verdict: 'failure', remedy: expect.stringContaining('keybaton import') },
    ]);
    expect(JSON.stringify(findings)).not.toContain('kbcanarybyhand');
  });

  test('a current version that the provider refuses is replaced without waiting', async () => {
    await open();
    await rotate(rig, 'one');
    rig.provider.change((state) => state.keys.forEach((key) => (key.revokedAt = 1)));
    const { steps, findings } = await checks().plan(rig.id);
    expect(bad(findings)[0]?.text).toContain('the current version is refused');
    expect(steps[0]).toContain('make a new version');
  });

  test('what a person must supply is asked for', async () => {
    await open({ powers: { keys: 'operator-supplied' } });
    expect((await checks().plan(rig.id)).steps[0]).toContain(`keybaton supply ${rig.id}`);
  });

  test('a stray under our mark is named', async () => {
    await open();
    const tag = `${await rig.ledger.installation()}:kb${'0'.repeat(30)}`;
    plantKey(rig.provider, { id: 'stray-1', value: 'kbcanarystray', tag, at: Date.now() });
    expect(bad((await checks().plan(rig.id)).findings)[0]?.text).toContain('stray-1');
  });

  test('an adapter that never answers is given up on', async () => {
    await open();
    scriptTrouble(rig.provider, 'list', { kind: 'hang', when: 'before' });
    const { findings } = await checks({ limit: 100 }).plan(rig.id);
    expect(bad(findings)[0]?.text).toContain('no answer within 100 ms');
  });
});
