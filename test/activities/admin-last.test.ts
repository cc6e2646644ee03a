import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openAdminRig, bot, root, type AdminRig } from './admin-rig.ts';

let rig: AdminRig;
beforeEach(async () => {
  rig = await openAdminRig();
});
afterEach(() => rig.close());

const minute = 60_000;
const day = 24 * 60 * minute;
const waits = (why: string) => ({
  kind: 'wait',
  reason: expect.stringMatching(
    new RegExp(`^an admin credential is replaced last, and in \\d+ min in any case: .*${why}`),
  ),
});
const goes = { kind: 'done', result: { kind: 'work', plan: { issue: true } } };

/** `root` is asked to rotate while `bot` has a run that is open. */
async function meanwhile(): Promise<void> {
  await rig.rotate(root);
  await rig.rotate(bot);
  await rig.promote(bot);
  await rig.ask(root);
}

describe('an admin credential', () => {
  test('is not replaced while a credential of its targets rotates or owes a death, and is once that is done', async () => {
    await meanwhile();
    expect(await rig.plan(root)).toMatchObject(waits(`${bot} is rotating at bots`));
    await rig.end(bot);
    expect(await rig.plan(root)).toMatchObject(waits(`${bot} has a version that is not dead at bots`));
    expect((await rig.ledger.facts(root)).openRun).toBeUndefined();
    await rig.kill(bot);
    expect(await rig.plan(root)).toMatchObject(goes);
  });

  test('is not replaced while an incident is open at its targets', async () => {
    await rig.rotate(root);
    await rig.rotate(bot);
    const { id } = await rig.currentOf(bot);
    await rig.ledger.declareIncident({ incident: 'i', versions: [id], who: 'test', why: 'test' });
    await rig.ask(root);
    expect(await rig.plan(root)).toMatchObject(waits('an incident is open at bots'));
    await rig.ledger.closeIncident({ incident: 'i', who: 'test' });
    expect(await rig.plan(root)).toMatchObject(waits(bot));
  });

  test('has its turn a day after it was asked for, whatever goes on', async () => {
    await meanwhile();
    expect(await rig.plan(root, rig.later(day - minute))).toMatchObject(waits(bot));
    expect(await rig.plan(root, rig.later(day + minute))).toMatchObject(goes);
  });

  test('has its turn when a tenth of its interval has passed since it was due, where that is sooner', async () => {
    await rig.rotate(root);
    const entry = rig.entries.get(root);
    if (entry === undefined) throw new Error('no entry');
    rig.entries.set(root, { ...entry, schedule: { ...entry.schedule, every: day } });
    await rig.apply();
    await rig.rotate(root);
    await rig.rotate(bot);
    await rig.promote(bot);
    expect(await rig.plan(root, rig.later(day + 2 * 60 * minute))).toMatchObject(waits(bot));
    expect(await rig.plan(root, rig.later(day + 3 * 60 * minute))).toMatchObject(goes);
  });

  test.each([
    ['leaked', async () => ({ compromised: [(await rig.currentOf(root)).id] })],
    ['is rehearsed', async () => ({ rehearse: true })],
    [
      'is shown wrongly by a backend',
      async () => {
        rig.shelf.shelf(`ai/${root}`).generations.length = 0;
        return {};
      },
    ],
  ])('waits for nobody when it %s', async (_what, change) => {
    await meanwhile();
    expect(await rig.plan(root, rig.ports, await change())).toMatchObject({ kind: 'done' });
  });

  test('waits for nobody when it is made for the first time: its targets wait for it', async () => {
    await expect(rig.promote(bot)).rejects.toThrow();
    expect(await rig.plan(root)).toMatchObject(goes);
  });

  test('waits for nobody when a version of it has to die already', async () => {
    await rig.rotate(root);
    await rig.rotate(bot);
    await rig.promote(root);
    await rig.end(root);
    await rig.promote(bot);
    await rig.ask(root);
    expect(await rig.plan(root)).toMatchObject({ kind: 'done' });
  });

  test('holds nobody up while it waits', async () => {
    await meanwhile();
    await rig.plan(root);
    await rig.ask(bot);
    await rig.end(bot);
    await rig.kill(bot);
    expect(await rig.plan(bot)).toMatchObject(goes);
  });
});
