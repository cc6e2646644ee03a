import { readFileSync } from 'node:fs';
import { KeybatonError } from '../domain/errors.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { createIdentity } from './azure-key-vault/identity.ts';
import { createMainSecret } from './azure-key-vault/main-secret.ts';
import { nameOf } from './azure-key-vault/names.ts';
import { disableOldCopies } from './azure-key-vault/old-copies.ts';
import { createPromotion } from './azure-key-vault/promotion.ts';
import { createSecretsClient } from './azure-key-vault/secrets-client.ts';
import { createSecrets } from './azure-key-vault/secrets.ts';
import { azureKeyVaultSettings, type AzureKeyVaultSettings } from './azure-key-vault/settings.ts';
import { createStaging } from './azure-key-vault/staging.ts';
import type { Backend, BackendAccess, BackendCall, BackendFactory, Envelope, Place, StoredVersion } from './backend.ts';
import { ensureInTime } from './call.ts';
import { fieldsIn } from './envelope-text.ts';
import { renderFields } from './fields.ts';
import { lookedUp } from './looked-up.ts';

/**
 * Azure Key Vault. Its newest version is what consumers read and it has no compare-and-set: versions are staged in a
 * secret beside the entry's own, and a promotion is a write after which it is looked whether anybody wrote at the same time.
 */
export function azureKeyVaultBackend(
  settings: AzureKeyVaultSettings,
  access: Pick<BackendAccess, 'name' | 'admin'>,
): Backend {
  const ca = settings.caFile === undefined ? undefined : readAuthority(settings.caFile);
  const identity = createIdentity(settings, ca, () => access.admin());
  const secrets = createSecrets(createSecretsClient(settings, ca, identity));
  const staging = createStaging(settings.stagingPrefix, secrets);
  const mainSecret = createMainSecret(secrets, staging);
  const promote = createPromotion(secrets, mainSecret);

  async function staged(place: Place, version: VersionId, call: BackendCall): Promise<Envelope> {
    const envelope = await staging.find(place, version, call);
    if (envelope !== undefined) return envelope;
    throw new KeybatonError('NOT_FOUND', `version ${version} is not staged in backend ${access.name}`);
  }

  return {
    name: access.name,
    readable: true,

    async stage(place, envelope, call) {
      ensureInTime(call);
      renderFields(place.fields, envelope.material);
      // Both names, before anything is kept under one of them.
      nameOf(place.path);
      await staging.add(place, envelope, call);
    },

    async promote(place, promotion, call) {
      ensureInTime(call);
      await promote(place, promotion, await staged(place, promotion.version, call), call);
    },

    async read(place, which, call): Promise<StoredVersion> {
      if (which !== 'current') return { ...(await staged(place, which, call)), epoch: undefined };
      const mapped = async () => place.fields && Object.keys(place.fields);
      const { main, marked } = await mainSecret.current(place, mapped, call);
      if (main.kind === 'empty') throw new KeybatonError('NOT_FOUND', `nothing of ours stands at ${place.path}`);
      if (main.kind !== 'ours' || marked === undefined) {
        throw new KeybatonError('CONFLICT', `what stands at ${place.path} is not ours`);
      }
      return { ...marked, epoch: main.epoch };
    },

    async describe(place, call) {
      const versions = await staging.list(place, call);
      const mapped = async () => {
        if (place.fields !== undefined) return Object.keys(place.fields);
        const [any] = versions;
        return any && (await staging.find(place, any, call))?.material.fieldNames();
      };
      const { main } = await mainSecret.current(place, mapped, call);
      return { main, staged: versions };
    },

    async destroy(place, version, call) {
      ensureInTime(call);
      const value = (await staging.find(place, version, call))?.material.revealValue();
      await disableOldCopies(secrets, nameOf(place.path), version, value, call);
      // Last: until the old copies are disabled, the staged one is how they are recognised.
      await staging.erase(place, version, call);
    },

    async lookUp(path, field, call) {
      const read = await secrets.read(nameOf(path), undefined, call);
      if (read === 'disabled') throw new KeybatonError('CONFLICT', `secret ${nameOf(path)} is disabled: enable it`);
      const fields = read === 'absent' ? undefined : (fieldsIn(read.text) ?? { value: read.text });
      return lookedUp(fields, field, { backend: access.name, path });
    },

    async probe(place, call) {
      ensureInTime(call);
      await staging.probe(place, call);
    },
  };
}

function readAuthority(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new KeybatonError('INVALID_CONFIG', `caFile ${file} cannot be read`);
  }
}

export const azureKeyVault: BackendFactory<AzureKeyVaultSettings> = {
  kind: 'azure-key-vault',
  settingsSchema: azureKeyVaultSettings,
  create: azureKeyVaultBackend,
};
