import { describe, expect, it } from 'vitest';
import { containVersions } from '../../activities/containment/contain-versions.ts';
import { proveVersions } from '../../activities/containment/prove-versions.ts';
import { containmentRig, never, type ContainmentRig, type Minted } from './containment-rig.ts';

async function killed(rig: ContainmentRig): Promise<Minted> {
  const minted = await rig.mint();
  await containVersions(rig.ports, { incident: 'i1', versions: [minted.frozen] }, never());
  return minted;
}

describe('proving dead where the window of the provider is short', () => {
  it('sits a short window out in one call, from the first refusal on', async () => {
    const rig = containmentRig({ settings: { revokeSpread: 2_000 } });
    const { frozen } = await killed(rig);
    const killedAt = rig.now();
    rig.calls.length = 0;
    const ports = { ...rig.ports, sleep: async (milliseconds: number) => rig.pass(milliseconds) };
    const [answer] = await proveVersions(ports, { incident: 'i1', versions: [frozen] }, never());
    expect(answer).toMatchObject({ kind: 'dead', grade: 'refused' });
    // Let in for two seconds, and then refused for two.
    expect(rig.now() - killedAt).toBeGreaterThanOrEqual(4_000);
    expect(rig.now() - killedAt).toBeLessThan(5_000);
    expect(rig.calls.filter((call) => call === 'list')).toHaveLength(1);
  });

  it('answers at once for many keys, whose window is passed between the calls', async () => {
    const rig = containmentRig({ settings: { revokeSpread: 2_000 } });
    const some = [await killed(rig), await killed(rig), await killed(rig), await killed(rig)];
    rig.pass(2_000);
    const before = rig.now();
    const versions = some.map(({ frozen }) => frozen);
    const answers = await proveVersions(rig.ports, { incident: 'i1', versions }, never());
    expect(answers.map(({ kind }) => kind)).toEqual(['refused', 'refused', 'refused', 'refused']);
    expect(rig.now()).toBe(before);
  });
});
