import { describe, expect, test } from 'vitest';
import { containVersions } from '../../activities/containment/contain-versions.ts';
import { proveVersions } from '../../activities/containment/prove-versions.ts';
import { inTurn } from '../../activities/containment/turns.ts';
import type { RateLimit } from '../../domain/incident.ts';
import { containmentRig, never } from './containment-rig.ts';

describe('calls of containment at a target with a rate', () => {
  /** Pauses between calls take no time here; they are noted among the calls. */
  function paced(rate: RateLimit | undefined) {
    const rig = containmentRig({ wrap: (provider) => (rate === undefined ? provider : { ...provider, rate }) });
    const ports = {
      ...rig.ports,
      sleep: async (milliseconds: number, signal: AbortSignal) => {
        // Longer ones are how long somebody would wait for an answer, or for a turn.
        if (milliseconds > 100) return rig.ports.sleep(milliseconds, signal);
        rig.calls.push(`pause ${milliseconds}`);
        await new Promise(setImmediate);
      },
    };
    return { ...rig, ports };
  }

  test('come one after the other, as far apart as the rate asks, over all batches', async () => {
    const rig = paced({ calls: 40, per: 1_000 });
    const { ports, calls } = rig;
    const versions = (await Promise.all(Array.from({ length: 12 }, () => rig.mint()))).map(({ frozen }) => frozen);
    await Promise.all([
      containVersions(ports, { incident: 'i', versions: versions.slice(0, 6) }, never()),
      containVersions(ports, { incident: 'i', versions: versions.slice(6) }, never()),
    ]);
    expect(rig.standing()).toEqual([]);
    const made = calls.filter((call) => !call.startsWith('pause'));
    expect(made).toHaveLength(14);
    for (const [index, call] of made.entries()) {
      const before = calls.slice(0, calls.indexOf(call)).filter((one) => one === 'pause 25');
      if (call !== 'list') expect(before.length, call).toBeGreaterThanOrEqual(index);
    }
  });

  test('that ask a key itself wait for no turn, and without a rate nothing does', async () => {
    const rig = paced({ calls: 40, per: 1_000 });
    const { ports, calls } = rig;
    const { frozen } = await rig.mint();
    await proveVersions(ports, { incident: 'i', versions: [frozen] }, never());
    expect(calls.filter((call) => call.startsWith('pause'))).toEqual(['pause 25']);
    const free = paced(undefined);
    const other = await free.mint();
    await containVersions(free.ports, { incident: 'i', versions: [other.frozen] }, never());
    expect(free.calls.filter((call) => call.startsWith('pause'))).toEqual([]);
  });

  test('are at most a second apart, and at one target wait for no other', async () => {
    const { ports } = containmentRig();
    const slept: number[] = [];
    const noted = { ...ports, sleep: async (milliseconds: number) => void slept.push(milliseconds) };
    const slow = { target: 'slow', rate: { calls: 1, per: 60_000 } };
    for (const target of ['slow', 'slow', 'other']) await inTurn(noted, { ...slow, target }, 20_000, never());
    await new Promise(setImmediate);
    expect(slept.filter((one) => one !== 20_000)).toEqual([1_000, 1_000, 1_000]);
  });

  test('are waited for no longer than their batch lasts', async () => {
    const { ports } = containmentRig();
    const stuck = { ...ports, sleep: (milliseconds: number) => (milliseconds === 7 ? Promise.resolve() : noEnd()) };
    const target = { target: 'target', rate: { calls: 1, per: 1_000 } };
    await inTurn(stuck, target, 7, never());
    await expect(inTurn(stuck, target, 7, never())).resolves.toBeUndefined();
  });
});

const noEnd = (): Promise<void> => new Promise(() => undefined);
