import { type ZodType, z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import { awsSecretsManager } from './aws-secrets-manager.ts';
import { azureKeyVault } from './azure-key-vault.ts';
import type { Backend, BackendAccess, BackendCall, BackendFactory, SeenStore } from './backend.ts';
import { embedded } from './embedded.ts';
import { githubActions } from './github-actions.ts';
import { googleSecretManager } from './google-secret-manager.ts';
import { inMemory } from './in-memory.ts';
import { kubernetes } from './kubernetes.ts';
import { vaultKv } from './vault-kv.ts';

/** A factory whose settings are no longer a type parameter: `open` checks them against the schema first. */
export interface RegisteredBackend {
  readonly kind: string;
  readonly settingsSchema: ZodType;
  /** Throws INVALID_CONFIG naming every setting that is wrong, by path, never its content. */
  open(settings: unknown, access: BackendAccess): Backend;
  /** As `stores` of the factory, where it has it; throws like `open`. */
  stores?(
    settings: unknown,
    access: Pick<BackendAccess, 'name' | 'admin'>,
    call: BackendCall,
  ): Promise<readonly SeenStore[]>;
}

export function registered<Settings>(factory: BackendFactory<Settings>): RegisteredBackend {
  const checked = (settings: unknown, name: string): Settings => {
    const parsed = factory.settingsSchema.safeParse(settings);
    if (parsed.success) return parsed.data;
    throw new KeybatonError(
      'INVALID_CONFIG',
      `settings of backend ${name} (${factory.kind}): ${z.prettifyError(parsed.error)}`,
    );
  };
  return {
    kind: factory.kind,
    settingsSchema: factory.settingsSchema,
    open: (settings, access) => factory.create(checked(settings, access.name), access),
    ...(factory.stores && {
      stores: async (settings, access, call) =>
        (await factory.stores?.(checked(settings, access.name), access, call)) ?? [],
    }),
  };
}

/** Every kind of backend that targets.yml may name, one line each. */
export const backendRegistry = {
  'aws-secrets-manager': registered(awsSecretsManager),
  'azure-key-vault': registered(azureKeyVault),
  embedded: registered(embedded),
  'github-actions': registered(githubActions),
  'google-secret-manager': registered(googleSecretManager),
  'in-memory': registered(inMemory),
  kubernetes: registered(kubernetes),
  'vault-kv': registered(vaultKv),
} satisfies Record<string, RegisteredBackend>;
