import { afterEach, expect, it } from 'vitest';
import { askGate } from '../../activities/ask-gate.ts';
import type { Entry } from '../../domain/entry.ts';
import { rotate } from '../worker/checks-rig.ts';
import { openRig, signal, type Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

/** Two versions, the older one to die; what its watch was asked for, at promotion and when GATE is asked. */
async function twoVersions(entry: Partial<Entry>) {
  const opened = await openRig({ powers: { usage: 'timestamp' }, entry });
  const asked: string[] = [];
  const watchTarget = async (target: string): Promise<void> => void asked.push(target);
  rig = { ...opened, ports: { ...opened.ports, workflows: { ...opened.ports.workflows, watchTarget } } };
  await rotate(rig, 'one');
  await rotate(rig, 'two');
  const doomed = await rig.only('doomed');
  const gate = () => askGate(rig.ports, { ...rig.effect(doomed.id), watched: 0 }, signal());
  return { asked, gate };
}

const alone = { none: 'a job' };
const noSilence = { no: 'its provider is slow to tell' };

it('an old version whose silence is wanted is watched from its promotion on', async () => {
  const { asked } = await twoVersions({ consumers: alone, silence: { for: 60_000 } });
  expect(asked).toEqual(['target']);
});

it('one that soaks is watched from then on too, whatever silence is wanted', async () => {
  const { asked } = await twoVersions({ consumers: alone, silence: noSilence, soak: 60_000 });
  expect(asked).toEqual(['target']);
});

it('one that may die at once is not watched at all', async () => {
  const { asked, gate } = await twoVersions({ consumers: alone, silence: noSilence, soak: 0 });
  expect(await gate()).toMatchObject({ kind: 'done' });
  expect(asked).toEqual([]);
});

it('one that lives on because GATE does not open is watched from then on', async () => {
  const { asked, gate } = await twoVersions({ consumers: alone, silence: noSilence, soak: 0, mode: 'ask' });
  expect(await gate()).toMatchObject({ kind: 'wait' });
  expect(asked).toEqual(['target']);
});

it('one that lives on because a person paused its rotation is watched from then on', async () => {
  const { asked, gate } = await twoVersions({ consumers: alone, silence: noSilence, soak: 0 });
  await rig.ledger.request({ kind: 'pause', credential: rig.id, who: 'amy', why: 'looking' });
  expect(await gate()).toMatchObject({ kind: 'wait', step: 'held' });
  expect(asked).toEqual(['target']);
});
