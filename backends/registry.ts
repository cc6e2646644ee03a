import { type ZodType, z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import type { Backend, BackendAccess, BackendFactory } from './backend.ts';
import { embedded } from './embedded.ts';
import { inMemory } from './in-memory.ts';
import { vaultKv } from './vault-kv.ts';

/** A factory whose settings are no longer a type parameter: `open` checks them against the schema first. */
export interface RegisteredBackend {
  readonly kind: string;
  readonly settingsSchema: ZodType;
  /** Throws INVALID_CONFIG naming every setting that is wrong, by path, never its content. */
  open(settings: unknown, access: BackendAccess): Backend;
}

export function registered<Settings>(factory: BackendFactory<Settings>): RegisteredBackend {
  return {
    kind: factory.kind,
    settingsSchema: factory.settingsSchema,
    open(settings, access) {
      const parsed = factory.settingsSchema.safeParse(settings);
      if (!parsed.success) {
        throw new KeybatonError(
          'INVALID_CONFIG',
          `settings of backend ${access.name} (${factory.kind}): ${z.prettifyError(parsed.error)}`,
        );
      }
      return factory.create(parsed.data, access);
    },
  };
}

/** Every kind of backend that targets.yml may name, one line each. */
export const backendRegistry = {
  embedded: registered(embedded),
  'in-memory': registered(inMemory),
  'vault-kv': registered(vaultKv),
} satisfies Record<string, RegisteredBackend>;
