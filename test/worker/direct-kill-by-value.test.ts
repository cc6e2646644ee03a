import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { inMemoryValueRevoker } from '../../providers/in-memory.ts';
import type { ValueRevoker } from '../../providers/value-revoker.ts';
import { openKnownKeys } from '../../worker/known-keys.ts';
import { callNow } from '../providers/provider-target.ts';
import { adaptersOf, directRig, installation, type DirectRig } from './direct-kill-rig.ts';

let rig: DirectRig;
beforeEach(() => void (rig = directRig()));
afterEach(() => rig.close());

const valueOf = (text: string): SecretMaterial => new SecretMaterial({ value: text }, 'value');
const known = (changes: Parameters<DirectRig['open']>[0] = {}) => rig.open(changes).known;

describe('a value that nobody knows', () => {
  const vendor = (revoke: ValueRevoker['revoke']): ValueRevoker => ({
    name: 'vendor',
    pattern: /^vnd_[a-z]{8}$/,
    revoke,
  });

  const asking = (revokers: readonly ValueRevoker[]) => {
    const { ports } = rig.open();
    return openKnownKeys({
      ports,
      adapters: adaptersOf(),
      environment: {},
      key: rig.key,
      killSheet: rig.killSheet,
      revokers,
    });
  };

  it('is killed by the vendor whose shape it has', async () => {
    const { value } = rig.plant();
    const open = asking([vendor(async () => undefined), inMemoryValueRevoker(() => [rig.world])]);
    await expect(open.revokeByValue(valueOf(value))).resolves.toEqual({ provider: 'in-memory' });
    expect(rig.standing()).toEqual([]);
  });

  it('again is success', async () => {
    const { value } = rig.plant();
    const revoker = inMemoryValueRevoker(() => [rig.world]);
    await revoker.revoke(valueOf(value), callNow());
    await expect(revoker.revoke(valueOf(value), callNow())).resolves.toBeUndefined();
  });

  it('is shown to no vendor whose shape it does not have', async () => {
    const shown: string[] = [];
    const open = asking([vendor(async (value) => void shown.push(value.revealValue()))]);
    for (const text of ['vnd_abcdefghX', 'xvnd_abcdefgh', 'something else'])
      await expect(open.revokeByValue(valueOf(text))).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect(shown).toEqual([]);
  });

  it('is repeated in no error', async () => {
    const open = asking([
      vendor(async (value) => {
        throw new Error(`cannot revoke ${value.revealValue()}`);
      }),
    ]);
    const failure = await open.revokeByValue(valueOf('vnd_abcdefgh')).catch((thrown: Error) => thrown.message);
    expect(failure).toBe('vendor could not be shown the value');
  });
});

describe('killing by hand', () => {
  it('is told per key, without a call to anybody', async () => {
    const { frozen } = rig.plant();
    const text = (await known({ environment: {} }).byHand(frozen)).join('\n');
    expect(text).toContain('revoke key key-1');
    expect(text).toContain(`${installation}:${frozen.version}`);
  });

  it('is told as far as it is known where the target is not', async () => {
    const { frozen } = rig.plant({ target: 'gone' });
    const text = (await known().byHand(frozen)).join('\n');
    expect(text).toContain('how to kill keys of target gone is not known here');
    expect(text).toContain('revoke key-1');
  });

  it('says so where nobody wrote down which key it is', async () => {
    const { frozen } = rig.plant({ refs: [], onlyByHand: true });
    expect((await known().byHand(frozen))[0]).toContain('nobody wrote down which key');
  });
});
