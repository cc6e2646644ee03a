import { afterEach, beforeEach, expect, test } from 'vitest';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { proofKey } from '../../evidence/possession.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { openProofKeys } from '../../worker/proof-keys.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { openRig, type Rig } from '../activities/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

const kept = async () => {
  const material = rig.plant('key-1');
  const { version } = await openSupplies(rig.ports).import({
    credential: rig.id,
    material,
    refId: 'key-1',
    cannotRevoke: false,
    actor: 'test',
  });
  return { material, version };
};

test('the proof key of a version is opened with the key of this installation', async () => {
  const { material, version } = await kept();
  const opened = await openProofKeys(rig.ledger, rig.key).read(version);
  expect(Buffer.from(opened)).toEqual(Buffer.from(proofKey(material, version)));
});

test('another installation key opens none', async () => {
  const { version } = await kept();
  const other = installationKey(new Uint8Array(32).fill(1));
  await expect(openProofKeys(rig.ledger, other).read(version)).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
});

test('a version that nobody knows has none', async () => {
  const unknown = versionIdFrom(new Uint8Array(64));
  await expect(openProofKeys(rig.ledger, rig.key).read(unknown)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
