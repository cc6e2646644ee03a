import { afterEach, describe, expect, test } from 'vitest';
import { preflightRequest } from '../../activities/plan-new-version.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { openRig, type Rig } from './rig.ts';
import { newVersion } from './containment-rig.ts';

let rig: Rig;
afterEach(() => rig.close());

const others = () =>
  [1, 2, 3].map((n) => ({
    credential: rig.id,
    version: newVersion(),
    ref: { id: `other-${n}` },
    gone: false,
    dead: n === 3,
  }));

/** What is asked of a target at which three more versions, one of them dead, were made for others. */
async function asked(keys: 'n-keys' | 'dual-slot') {
  rig = await openRig({ powers: { keys } });
  if (keys === 'n-keys') {
    await openSupplies(rig.ports).import({
      ...{ credential: rig.id, material: rig.plant('key-1'), refId: 'key-1' },
      ...{ cannotRevoke: false, actor: 'os:test' },
    });
  }
  let reads = 0;
  const ports = {
    ...rig.ports,
    ledger: { ...rig.ledger, refsOfTarget: async () => ((reads += 1), others()) },
  };
  const request = await preflightRequest(ports, await rig.ports.provider('target'), await rig.facts(), newVersion());
  const ids = (refs: typeof request.keep) => refs.map(({ id }) => id);
  return { reads, keep: ids(request.keep), free: ids(request.free) };
}

describe('what a provider is told before something new is made', () => {
  test('where versions share slots, is who holds each of them', async () => {
    expect(await asked('dual-slot')).toEqual({ reads: 1, keep: ['other-1', 'other-2'], free: ['other-3'] });
  });

  test('elsewhere names the versions of this credential alone, and reads no other', async () => {
    expect(await asked('n-keys')).toEqual({ reads: 0, keep: ['key-1'], free: [] });
  });
});
