import { afterEach, expect, it } from 'vitest';
import { askGate } from '../../activities/ask-gate.ts';
import { openRig, signal, type Rig } from './rig.ts';
import { rotate } from '../worker/checks-rig.ts';

const silence = 600_000;
let rig: Rig;
afterEach(() => rig.close());

/** Two versions, the older one to die, at a provider that tells of use so much later. */
async function waiting(usageLag: number) {
  rig = await openRig({
    powers: { usage: 'timestamp' },
    settings: { usageLag },
    entry: { consumers: { none: 'a job' }, silence: { for: silence } },
  });
  await rotate(rig, 'one');
  await rotate(rig, 'two');
  const doomed = await rig.only('doomed');
  return async (watched: number) => {
    const answer = await askGate(rig.ports, { ...rig.effect(doomed.id), watched }, signal());
    return { answer, alarms: (await rig.ledger.openAlarms(rig.id)).filter(({ key }) => key.startsWith('held/')) };
  };
}

it('three times the silence asked is waited for before people are told', async () => {
  const after = await waiting(0);
  expect((await after(3 * silence - 1)).alarms).toEqual([]);
  expect(await after(3 * silence)).toMatchObject({ answer: { kind: 'wait', step: 'held' }, alarms: [{ page: true }] });
});

it('what the provider tells late is waited for beside it', async () => {
  const after = await waiting(silence);
  const early = await after(3 * silence);
  expect(early.answer).toMatchObject({ kind: 'wait', step: 'soaking' });
  expect(early.alarms).toEqual([]);
  expect((await after(4 * silence)).alarms).toHaveLength(1);
});
