import { testPlace as place } from './in-memory-subject.ts';
import { join } from 'node:path';
import type { Backend, BackendCall } from '../../backends/backend.ts';
import { embeddedBackend } from '../../backends/embedded.ts';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import { embeddedVault } from '../../backends/embedded/vault.ts';
import { holdsValue } from '../../backends/fields.ts';
import type { BackendSubject } from '../../conformance/backend-suite.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';

export const key = new Uint8Array(32).fill(1);
export const otherKey = new Uint8Array(32).fill(2);
export const call = (overrides: Partial<BackendCall> = {}): BackendCall => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 60_000,
  now: () => Date.now(),
  ...overrides,
});

let seed = 0;
export function make(): { version: VersionId; value: string; ref: { id: string }; material: SecretMaterial } {
  seed += 1;
  const value = `canary-embedded-${String(seed).padStart(4, '0')}`;
  return {
    version: versionIdFrom(new Uint8Array(64).fill(seed)),
    value,
    ref: { id: `key-${String(seed)}` },
    material: new SecretMaterial({ api_key: value }, 'api_key'),
  };
}

/** Fails its first write after the effect: for SQLite, which answers in the same process, a lost answer can only be played. */
function losingFirstAnswer(backend: Backend): { backend: Backend; lost: () => boolean } {
  let lost = false;
  async function lose(effect: Promise<void>): Promise<void> {
    await effect;
    if (lost) return;
    lost = true;
    throw new KeybatonError('AMBIGUOUS', 'the answer was lost');
  }
  const losing: Backend = {
    ...backend,
    stage: (...given) => lose(backend.stage(...given)),
    promote: (...given) => lose(backend.promote(...given)),
    destroy: (...given) => lose(backend.destroy(...given)),
  };
  return { backend: losing, lost: () => lost };
}

export async function embeddedSubject(): Promise<BackendSubject> {
  const folder = temporaryFolder('embedded');
  const file = join(folder.path, 'vault.db');
  const vault = embeddedVault(file, () => key);
  const wrongKey = embeddedVault(file, () => otherKey);
  const nowhere = embeddedVault(join(folder.path, 'no-such-folder', 'vault.db'), () => key);
  const readMain = createReadMain(vault);
  const backend = embeddedBackend('vault', vault);
  return {
    backend,
    place,
    consumerReads: async (path) => vault.read((store) => [...store.generations(path)][0]?.fields),
    consumerFinds: async (path, text) =>
      (['current', 'previous'] as const).some((which) => {
        try {
          return holdsValue(readMain(path, which).fields.reveal(), text);
        } catch {
          return false;
        }
      }),
    writeByHand: async (path, fields) =>
      vault.write(call(), (store) => {
        const current = [...store.generations(path)][0]?.fields;
        store.addGeneration({ ...place, path }, { ...current, ...fields }, 0);
      }),
    copies: async (path, version, value) =>
      vault.read((store) => {
        const main = [...store.generations(path)].filter(({ fields }) => fields && holdsValue(fields, value));
        return main.length + (store.envelope({ ...place, path }, version) === undefined ? 0 : 1);
      }),
    losingNextAnswer: async () => losingFirstAnswer(backend),
    unreachable: async () => embeddedBackend('vault', nowhere),
    denied: async () => embeddedBackend('vault', wrongKey),
    async close() {
      for (const one of [vault, wrongKey, nowhere]) one.close();
      folder.remove();
    },
  };
}
