import { KeybatonError } from '../domain/errors.ts';
import { destroyOldCopies } from './aws-secrets-manager/old-copies.ts';
import { dropPending, readMain, replaceMain, type Standing } from './aws-secrets-manager/main-secret.ts';
import { createSecretsClient } from './aws-secrets-manager/secrets-client.ts';
import { createSecrets, current, pending } from './aws-secrets-manager/secrets.ts';
import { awsSecretsManagerSettings, type AwsSecretsManagerSettings } from './aws-secrets-manager/settings.ts';
import { createStaging } from './aws-secrets-manager/staging.ts';
import { walkSecrets } from './aws-secrets-manager/walk-secrets.ts';
import type { Backend, BackendAccess, BackendFactory } from './backend.ts';
import { ensureInTime } from './call.ts';
import { fieldsIn } from './envelope-text.ts';
import { lookedUp } from './looked-up.ts';
import { stagedBeside } from './staged-beside.ts';

/**
 * AWS Secrets Manager. Versions are staged in secrets of their own; a promotion writes one version of the entry's secret
 * under AWSPENDING and moves AWSCURRENT to it, away from the version it was made from.
 */
export function awsSecretsManagerBackend(
  settings: AwsSecretsManagerSettings,
  access: Pick<BackendAccess, 'name' | 'admin'>,
): Backend {
  const secrets = createSecrets(
    createSecretsClient(settings, () => access.admin()),
    settings.kmsKeyId,
  );
  const staging = createStaging(settings.stagingPrefix, secrets);

  return {
    name: access.name,
    readable: true,

    ...stagedBeside<Standing>({
      name: access.name,
      staging,
      look: (place, call) => readMain(secrets, place.path, call),
      replace(place, { promotion, fields }, { base, unstructured }, call) {
        if (unstructured && promotion.overwriteForeign === 'same value') {
          throw new KeybatonError(
            'CONFLICT',
            `secret ${place.path} is no JSON object: write it as one before it is taken over`,
          );
        }
        return replaceMain(secrets, place, promotion, { base, fields }, call);
      },
      async finish({ path }, { base, stages }, call) {
        if (base !== undefined && stages.includes(pending)) await dropPending(secrets, path, base, call);
      },
    }),

    async destroy(place, version, call) {
      ensureInTime(call);
      const value = (await staging.find(place, version, call))?.material.revealValue();
      await destroyOldCopies(secrets, place.path, version, value, call);
      // Last: until the old copies have lost their labels, the staged one is how they are recognised.
      await staging.erase(place, version, call);
    },

    async lookUp(path, field, call) {
      const read = await secrets.read(path, { stage: current }, call);
      if (read === 'deleted')
        throw new KeybatonError('CONFLICT', `secret ${path} is scheduled for deletion: restore it`);
      const text = read === 'absent' ? undefined : read.text;
      const fields = text === undefined ? undefined : (fieldsIn(text) ?? { value: text });
      return lookedUp(fields, field, { backend: access.name, path });
    },

    walk: (below, call) => walkSecrets(secrets, { below, stagingPrefix: settings.stagingPrefix }, call),

    async probe(place, call) {
      ensureInTime(call);
      await staging.probe(place, call);
    },
  };
}

export const awsSecretsManager: BackendFactory<AwsSecretsManagerSettings> = {
  kind: 'aws-secrets-manager',
  settingsSchema: awsSecretsManagerSettings,
  create: awsSecretsManagerBackend,
};
