import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { awaitReplacement } from '../../activities/await-replacement.ts';
import { askLines } from '../../activities/gate.ts';
import { wouldHold } from '../../activities/would-hold.ts';
import { openAdminRig, bot, root, type AdminRig } from './admin-rig.ts';
import { signal } from './rig.ts';

let rig: AdminRig;
beforeEach(async () => {
  rig = await openAdminRig();
});
afterEach(() => rig.close());

const proofs = async () => {
  const { evidence } = await rig.ledger.evidence(root);
  return evidence
    .filter(({ withdrawn }) => !withdrawn)
    .map(({ consumer, instance, kind }) => [consumer, instance, kind]);
};
const proved = [['keybaton', 'bots', 'possession']];
const present = async () =>
  (await rig.ledger.evidence(root)).instances.filter(({ left }) => !left).map(({ instance }) => instance);

/** Both have rotated before, and `root` has a new version that is current. */
async function renewed(): Promise<{ readonly fresh: string; readonly old: string }> {
  await rig.rotate(root);
  await rig.rotate(bot);
  await rig.rotate(bot);
  const old = await rig.shown(root);
  await rig.promote(root);
  rig.calls.length = 0;
  return { fresh: await rig.shown(root), old };
}

describe('the old version of an admin credential', () => {
  test('may die once the new one has listed each target that it opens and killed there, alone', async () => {
    const { fresh, old } = await renewed();
    expect(await proofs()).toEqual([]);
    expect(await rig.gate(root)).toMatchObject({ kind: 'done' });
    expect(await proofs()).toEqual(proved);
    expect(rig.calls).toEqual([
      { call: 'list', target: 'bots', value: fresh },
      { call: 'revoke', target: 'bots', value: fresh },
    ]);
    expect(await rig.shown(bot)).not.toBe('');
    expect(fresh).not.toBe(old);
    expect(await rig.kill(root)).toMatchObject({ kind: 'done' });
  });

  test.each([
    ['does nothing', 'everything'],
    ['lists, and may not kill', 'kill'],
  ] as const)('lives on while the new one %s at a target', async (_what, denied) => {
    const { fresh } = await renewed();
    rig.deny(fresh, denied);
    expect(await rig.gate(root)).toMatchObject({
      kind: 'wait',
      reason: expect.stringContaining(
        'bots: nothing could be done there with it: the admin credential of bots may not',
      ),
    });
    expect(await rig.kill(root)).toMatchObject({ kind: 'wait' });
    expect(await proofs()).toEqual([]);
    rig.deny(fresh, 'nothing');
    expect(await rig.gate(root)).toMatchObject({ kind: 'done' });
    expect(await proofs()).toEqual(proved);
  });

  test('lives on while what a backend shows is not the newest version', async () => {
    const { old } = await renewed();
    const ports = {
      ...rig.ports,
      workAs: async () =>
        (await rig.ports.backend('shelf'))
          .read({ credential: root, path: `ai/${root}` }, await rig.doomedOf(root), {
            signal: signal(),
            deadline: Date.now() + 5_000,
            now: () => Date.now(),
          })
          .then(({ material }) => material),
    };
    const facts = await rig.ledger.facts(root);
    const doomed = facts.versions.find(({ fate }) => fate === 'doomed');
    if (doomed === undefined) throw new Error('nothing is doomed');
    expect(await askLines(ports, await ports.provider('organization'), facts, doomed, signal())).toMatchObject({
      kind: 'miss',
      miss: { line: 3, why: expect.stringContaining('what was used there is not the newest version') },
    });
    expect(old).not.toBe('');
    expect(await proofs()).toEqual([]);
  });

  test('lives on while a kill that was begun with it is not done', async () => {
    await rig.rotate(root);
    await rig.rotate(bot);
    rig.nothingDies(true);
    await rig.promote(bot);
    await expect(rig.kill(bot)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await rig.end(bot);
    const day = 86_400_000;
    await rig.promote(root, rig.later(day + 60_000));
    expect(await rig.gate(root)).toMatchObject({
      kind: 'wait',
      reason: expect.stringContaining(`bots: not dead yet, and killed since before: ${bot}`),
    });
    rig.nothingDies(false);
    expect(await rig.kill(bot)).toMatchObject({ kind: 'done' });
    expect(await rig.gate(root)).toMatchObject({ kind: 'done' });
  });

  test('does not wait for a kill that was begun after it: the new one makes that', async () => {
    await renewed();
    rig.nothingDies(true);
    await rig.promote(bot);
    await expect(rig.kill(bot)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    rig.nothingDies(false);
    expect(await rig.gate(root)).toMatchObject({ kind: 'done' });
  });

  test('lives on while a version that leaked before is not dead', async () => {
    await rig.rotate(root);
    await rig.rotate(bot);
    await rig.promote(bot);
    const leaked = await rig.doomedOf(bot);
    await rig.ledger.declareIncident({ incident: 'i', versions: [leaked], who: 'test', why: 'test' });
    await rig.end(bot);
    await rig.promote(root, rig.later(86_460_000));
    expect(await rig.gate(root)).toMatchObject({ kind: 'wait', reason: expect.stringContaining(bot) });
    await rig.kill(bot);
    expect(await rig.gate(root)).toMatchObject({ kind: 'done' });
  });
});

test('a leaked admin credential dies once the new one has worked, whatever else is owed with it', async () => {
  await rig.rotate(root);
  await rig.rotate(bot);
  rig.nothingDies(true);
  await rig.promote(bot);
  await expect(rig.kill(bot)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const leaked = (await rig.currentOf(root)).id;
  await rig.ledger.declareIncident({ incident: 'i', versions: [leaked], who: 'test', why: 'test' });
  await rig.promote(root, rig.ports, { compromised: [leaked] });
  const asks = () =>
    awaitReplacement(rig.ports, { ...rig.about(root, leaked), compromised: [leaked], remaining: 60_000 }, signal());
  rig.deny(await rig.shown(root), 'everything');
  expect(await asks()).toMatchObject({ kind: 'wait', reason: expect.stringContaining('nothing could be done there') });
  rig.deny(await rig.shown(root), 'nothing');
  expect(await asks()).toMatchObject({ kind: 'done' });
  expect(await proofs()).toEqual(proved);
});

test('a rehearsal says whether the admin credential that is current works at its targets', async () => {
  await rig.rotate(root);
  await rig.rotate(bot);
  const says = async () =>
    wouldHold(rig.ports, await rig.ports.provider('organization'), await rig.ledger.facts(root), signal());
  rig.deny(await rig.shown(root), 'everything');
  expect(await says()).toContain('bots: nothing could be done there with it');
  rig.deny(await rig.shown(root), 'nothing');
  expect(await says()).toContain('a rotation would not be held');
});

describe('a target', () => {
  test('that a person waived is not worked at', async () => {
    const { fresh } = await renewed();
    rig.deny(fresh, 'everything');
    await rig.gate(root);
    const { epoch } = (await rig.ledger.facts(root)).epochs[0] ?? { epoch: 0 };
    await rig.ledger.waive({
      credential: root,
      epoch,
      consumer: 'keybaton',
      instance: 'bots',
      who: 'test',
      why: 'gone',
    });
    rig.calls.length = 0;
    expect(await rig.gate(root)).toMatchObject({ kind: 'done' });
    expect(rig.calls).toEqual([]);
  });

  test('that names another admin credential now needs no proof', async () => {
    const { fresh } = await renewed();
    rig.deny(fresh, 'everything');
    rig.targets['spare'] = rig.targets['bots'];
    await rig.apply();
    expect(await rig.gate(root)).toMatchObject({ kind: 'wait' });
    expect(await present()).toEqual(['bots', 'spare']);
    rig.targets['spare'] = { ...Object(rig.targets['spare']), admin: 'env:ADMIN' };
    await rig.apply();
    await rig.gate(root);
    expect(await present()).toEqual(['bots']);
  });

  test('that nothing opens any more holds no retiring admin credential up', async () => {
    await renewed();
    await rig.gate(root);
    await rig.kill(root);
    await rig.end(root);
    rig.targets['bots'] = { ...Object(rig.targets['bots']), admin: 'env:ADMIN' };
    rig.entries.delete(root);
    await rig.apply();
    const facts = await rig.ledger.facts(root);
    expect(facts.status).toBe('retiring');
    const [last] = facts.versions.filter(({ id }) => id === facts.epochs[0]?.version);
    if (last === undefined) throw new Error('nothing is current');
    expect(await askLines(rig.ports, await rig.ports.provider('organization'), facts, last, signal())).toMatchObject({
      kind: 'mode',
      why: expect.stringContaining('release --retire'),
    });
    expect(await present()).toEqual([]);
  });
});
