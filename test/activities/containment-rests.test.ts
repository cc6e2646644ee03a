import { describe, expect, it } from 'vitest';
import { containVersions } from '../../activities/containment/contain-versions.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { containmentRig, never, type ContainmentRig } from './containment-rig.ts';

/** A provider that answers so many revocations and then asks for a rest, after which it answers as many again. */
function tiring({ bears, asks }: { readonly bears: number; readonly asks: number }) {
  let left = bears;
  let fresh = 0;
  const slept: number[] = [];
  const rig: ContainmentRig = containmentRig({
    wrap: (provider) => ({
      ...provider,
      revoke: async (ref, call) => {
        if (left === 0 && fresh === 0) fresh = rig.now() + asks;
        if (left === 0 && rig.now() >= fresh) [left, fresh] = [bears, 0];
        if (left === 0) throw new KeybatonError('RATE_LIMITED', 'slower', { retryAfter: asks });
        left -= 1;
        await provider.revoke(ref, call);
      },
    }),
  });
  // As one process has them: who rests at a target is counted by these ports.
  const ports = {
    ...rig.ports,
    sleep: async (milliseconds: number, signal: AbortSignal) => {
      // How long somebody waits for an adapter that ignores its signal.
      if (milliseconds === 500 && asks !== 500) return rig.ports.sleep(milliseconds, signal);
      slept.push(milliseconds);
      rig.pass(milliseconds);
      await new Promise(setImmediate);
    },
  };
  return { rig, slept, ports };
}

const minted = async (rig: ContainmentRig, many: number) =>
  (await Promise.all(Array.from({ length: many }, () => rig.mint()))).map(({ frozen }) => frozen);

describe('a provider that asks for a rest in the middle of a batch', () => {
  it('gets a short one from all calls at once, and then the rest of the batch', async () => {
    const { rig, slept, ports } = tiring({ bears: 10, asks: 1_000 });
    const versions = await minted(rig, 25);
    const answers = await containVersions(ports, { incident: 'i1', versions }, never());
    expect(answers.filter(({ contained }) => !contained)).toEqual([]);
    expect(rig.standing()).toEqual([]);
    expect(slept).toHaveLength(2);
    for (const one of slept) {
      expect(one).toBeGreaterThanOrEqual(1_000);
      expect(one).toBeLessThanOrEqual(1_500);
    }
  });

  it('gets five seconds of rests from one batch at the most, and is left to others then', async () => {
    const { rig, slept, ports } = tiring({ bears: 1, asks: 1_000 });
    const versions = await minted(rig, 25);
    const answers = await containVersions(ports, { incident: 'i1', versions }, never());
    expect(slept.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(5_000);
    expect(answers.filter(({ contained }) => contained).length).toBeGreaterThan(2);
    expect(answers.at(-1)?.trouble).toMatchObject({ code: 'RATE_LIMITED', againIn: 1_000 });
  });

  it('that is longer is asked nothing more by this batch', async () => {
    const { rig, slept, ports } = tiring({ bears: 1, asks: 2_001 });
    const versions = await minted(rig, 5);
    const answers = await containVersions(ports, { incident: 'i1', versions }, never());
    expect(slept).toEqual([]);
    expect(answers.map(({ contained }) => contained)).toEqual([true, false, false, false, false]);
    expect(answers.at(-1)?.trouble).toMatchObject({ code: 'RATE_LIMITED', againIn: 2_001 });
  });

  it('has ten batches that rest at a time: others are not to lose their places to them', async () => {
    const { rig, slept, ports } = tiring({ bears: 1, asks: 1_000 });
    // Nobody's rest ends before all batches were turned away.
    let end = (): void => undefined;
    const held = new Promise<void>((resolve) => (end = resolve));
    const holding = {
      ...ports,
      sleep: (milliseconds: number, signal: AbortSignal) => held.then(() => ports.sleep(milliseconds, signal)),
    };
    const versions = await minted(rig, 13);
    const batches = versions.map((one) => containVersions(holding, { incident: 'i1', versions: [one] }, never()));
    const early = await Promise.race(batches.slice(11));
    expect(early[0]?.trouble).toMatchObject({ code: 'RATE_LIMITED', againIn: 1_000 });
    expect(slept).toEqual([]);
    end();
    await Promise.all(batches);
  });

  it('ends the batch when its process stops', async () => {
    const stopping = new AbortController();
    const { rig, ports } = tiring({ bears: 1, asks: 1_000 });
    const versions = await minted(rig, 3);
    const stopped = { ...ports, sleep: async () => stopping.abort() };
    const answers = await containVersions(stopped, { incident: 'i1', versions }, stopping.signal);
    expect(answers.map(({ contained }) => contained)).toEqual([true, false, false]);
  });
});
