import { readFileSync } from 'node:fs';
import { KeybatonError } from '../domain/errors.ts';
import type { Backend, BackendAccess, BackendFactory } from './backend.ts';
import { ensureInTime } from './call.ts';
import { lookedUp } from './looked-up.ts';
import { stagedBeside, type Stood } from './staged-beside.ts';
import { createKvEngine } from './vault-kv/kv-engine.ts';
import { destroyOldCopies } from './vault-kv/old-copies.ts';
import { mountsOf } from './vault-kv/mounts.ts';
import { createSession } from './vault-kv/session.ts';
import { vaultKvSettings, type VaultKvSettings } from './vault-kv/settings.ts';
import { createStaging } from './vault-kv/staging.ts';
import { createVaultClient } from './vault-kv/vault-client.ts';
import { walkEngine } from './vault-kv/walk-engine.ts';

/**
 * Vault or OpenBao, KV v2. Its newest write is what consumers read, so versions are staged on a path of their own and
 * promoted by a compare-and-set write to the main path.
 */
export function vaultKvBackend(settings: VaultKvSettings, access: Pick<BackendAccess, 'name' | 'admin'>): Backend {
  const { mount, stagingPrefix } = settings;
  const { client, session } = connection(settings, access);
  const engine = createKvEngine(mount, client, session);
  const staging = createStaging(stagingPrefix, engine);

  return {
    name: access.name,
    readable: true,

    ...stagedBeside<Stood & { readonly cas: number }>({
      name: access.name,
      staging,
      async look(place, call) {
        const read = await engine.read(place.path, call);
        return { fields: read.kind === 'found' ? read.fields : undefined, cas: read.latest };
      },
      async replace({ path }, { fields }, { cas }, call) {
        return (await engine.write(path, fields, cas, call)) === 'moved' ? 'moved' : 'done';
      },
    }),

    async destroy(place, version, call) {
      ensureInTime(call);
      const value = (await staging.find(place, version, call))?.material.revealValue();
      await destroyOldCopies(engine, place.path, version, value, call);
      // Last: until the old copies are gone, the staged one is how they are recognised.
      await staging.erase(place, version, call);
    },

    async lookUp(path, field, call) {
      const read = await engine.read(path, call);
      return lookedUp(read.kind === 'found' ? read.fields : undefined, field, { backend: access.name, path });
    },

    walk: (below, call) => walkEngine(engine, { below, stagingPrefix }, call),

    async probe(place, call) {
      ensureInTime(call);
      await staging.probe(place, call);
    },
  };
}

function connection(settings: VaultKvSettings, access: Pick<BackendAccess, 'admin'>) {
  const { address, nodes, namespace, timeout, caFile } = settings;
  const client = createVaultClient({ address, nodes, namespace, timeout, ca: caFile && readAuthority(caFile) });
  return { client, session: createSession(settings, client, () => access.admin()) };
}

function readAuthority(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new KeybatonError('INVALID_CONFIG', `caFile ${file} cannot be read`);
  }
}

export const vaultKv: BackendFactory<VaultKvSettings> = {
  kind: 'vault-kv',
  settingsSchema: vaultKvSettings,
  create: vaultKvBackend,
  stores(settings, access, call) {
    const { client, session } = connection(settings, access);
    return mountsOf(client, session, call);
  },
};
