import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ActivityPorts } from '../../activities/ports.ts';
import { embedded } from '../../backends/embedded.ts';
import type { Backend, BackendCall, Place } from '../../backends/backend.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { embeddedVaultOf } from '../../worker/embedded-vault.ts';
import { openRig, type Rig } from '../activities/rig.ts';

let rig: Rig;
let folder: ReturnType<typeof temporaryFolder>;
let vault: Backend;
let ports: Pick<ActivityPorts, 'ledger' | 'backend'>;

beforeEach(async () => {
  folder = temporaryFolder('embedded-vault');
  const fields = { TOKEN: 'Bearer {api_key}' };
  rig = await openRig({
    entry: {
      backends: [
        { backend: 'shelf', path: 'ai/test/bot', fields: undefined },
        { backend: 'inside', path: 'ai/test/bot', fields },
      ],
    },
  });
  const key = randomBytes(32);
  vault = embedded.create(
    { file: join(folder.path, 'vault.sqlite') },
    { name: 'inside', admin: () => Promise.reject(new Error('unused')), key: () => key },
  );
  ports = { ledger: rig.ledger, backend: async (name) => (name === 'inside' ? vault : rig.ports.backend(name)) };
});
afterEach(async () => {
  await rig.close();
  folder.remove();
});

const place: Place = {
  credential: 'in-memory/test/bot' as Place['credential'],
  path: 'ai/test/bot',
  fields: { TOKEN: 'Bearer {api_key}' },
};
const call = (): BackendCall => ({
  signal: AbortSignal.timeout(10_000),
  deadline: Date.now() + 10_000,
  now: () => Date.now(),
});

async function promote(value: string, epoch: number, expected: ReturnType<typeof versionIdFrom> | undefined) {
  const version = versionIdFrom(randomBytes(64));
  await vault.stage(
    place,
    { version, ref: { id: 'key' }, material: new SecretMaterial({ api_key: value }, 'api_key') },
    call(),
  );
  await vault.promote(place, { version, epoch, expected }, call());
  return version;
}

test('consumers read the mapped fields of the embedded vault, whichever place it has among the backends', async () => {
  const version = await promote('kbcanaryone', 1, undefined);
  const read = await embeddedVaultOf(ports).read(rig.id, 'current');
  expect(read).toMatchObject({ version, epoch: 1 });
  expect(read.fields.reveal()).toMatchObject({ TOKEN: 'Bearer kbcanaryone' });
  expect(read.fields.revealValue()).toBe('kbcanaryone');
});

test('previous is what was current before, and not found once it is destroyed', async () => {
  const first = await promote('kbcanaryone', 1, undefined);
  await promote('kbcanarytwo', 2, first);
  expect(await embeddedVaultOf(ports).read(rig.id, 'previous')).toMatchObject({ version: first, epoch: 1 });
  await vault.destroy(place, first, call());
  await expect(embeddedVaultOf(ports).read(rig.id, 'previous')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a credential that is not kept there is not found', async () => {
  await rig.apply({ backends: [{ backend: 'shelf', path: 'ai/test/bot', fields: undefined }] });
  await expect(embeddedVaultOf(ports).read(rig.id, 'current')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('nothing promoted yet is not found', async () => {
  await expect(embeddedVaultOf(ports).read(rig.id, 'current')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('while the ledger does not answer, a secret is read where it lay, and as the vault has it now', async () => {
  const first = await promote('kbcanaryone', 1, undefined);
  let asked = 0;
  const down = { yes: false };
  const facts: ActivityPorts['ledger']['facts'] = async (credential) => {
    asked += 1;
    if (down.yes) throw new KeybatonError('UNAVAILABLE', 'the ledger does not answer');
    return rig.ledger.facts(credential);
  };
  const reader = embeddedVaultOf({ ...ports, ledger: { ...rig.ledger, facts } }, { fresh: 0 });
  expect(await reader.read(rig.id, 'current')).toMatchObject({ version: first, epoch: 1 });
  down.yes = true;
  const second = await promote('kbcanarytwo', 2, first);
  expect(await reader.read(rig.id, 'current')).toMatchObject({ version: second, epoch: 2 });
  expect(asked).toBe(2);
  const stranger = embeddedVaultOf({ ...ports, ledger: { ...rig.ledger, facts } });
  await expect(stranger.read(rig.id, 'current')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('many readings of one credential ask the ledger once for where it lies', async () => {
  await promote('kbcanaryone', 1, undefined);
  let asked = 0;
  const facts: ActivityPorts['ledger']['facts'] = (credential) => {
    asked += 1;
    return rig.ledger.facts(credential);
  };
  const reader = embeddedVaultOf({ ...ports, ledger: { ...rig.ledger, facts } });
  await Promise.all(Array.from({ length: 50 }, () => reader.read(rig.id, 'current')));
  await reader.read(rig.id, 'current');
  expect(asked).toBe(1);
});
