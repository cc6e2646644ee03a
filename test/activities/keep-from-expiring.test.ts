import { afterEach, describe, expect, test } from 'vitest';
import { keepFromExpiring } from '../../activities/keep-from-expiring.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialFacts } from '../../domain/facts.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { openRig, signal, type Rig } from './rig.ts';

const hour = 3_600_000;
const createSpread = 60_000;

let rig: Rig;
afterEach(() => rig.close());

/** A current version that ends in an hour, at a provider that knows no key by its id; `later` after it was decided on. */
async function unknownByItsId(later: number): Promise<CredentialFacts> {
  const forgetful = (adapter: AnyProvider): AnyProvider => ({
    ...adapter,
    extend: () => Promise.reject(new KeybatonError('NOT_FOUND', 'no such key')),
  });
  rig = await openRig({ powers: { expiry: true }, settings: { createSpread }, adapter: forgetful });
  await openSupplies(rig.ports).import({
    ...{ credential: rig.id, material: rig.plant('key-1'), refId: 'key-1' },
    ...{ cannotRevoke: false, actor: 'os:test' },
  });
  const facts = await rig.facts();
  const now = (facts.epochs[0]?.decidedAt ?? 0) + later;
  return { ...facts, now, versions: facts.versions.map((one) => ({ ...one, expiresAt: now + hour })) };
}

const pages = async () => (await rig.ledger.openAlarms(rig.id)).filter(({ page }) => page).map(({ text }) => text);

describe('a version whose end cannot be moved, since its provider does not know it', () => {
  test('is not called gone inside the spread window of what was made: it is asked for again', async () => {
    const facts = await unknownByItsId(createSpread - 1);
    rig.provider.change((state) => void state.keys.splice(0));
    await expect(keepFromExpiring(rig.ports, facts, signal())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await pages()).toEqual([]);
  });

  test('is gone after it, when its value is refused too, and people are paged', async () => {
    const facts = await unknownByItsId(createSpread);
    rig.provider.change((state) => void state.keys.splice(0));
    await expect(keepFromExpiring(rig.ports, facts, signal())).resolves.toMatchObject({ currentEnded: true });
    expect(await pages()).toEqual([expect.stringContaining('is gone at its provider: whoever uses it is refused')]);
  });

  test('lives as long as its value is accepted', async () => {
    const facts = await unknownByItsId(createSpread);
    await expect(keepFromExpiring(rig.ports, facts, signal())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await pages()).toEqual([]);
  });
});
