import { z, type ZodType } from 'zod';
import type { Declaration, DeclaredSetting } from './declaration.ts';

/** What an entry of targets.yml says for a declared provider: the addresses, the common times, and settings of its own. */
export interface DeclaredSettings {
  readonly hosts: Readonly<Record<string, string>>;
  readonly maxLive?: number | undefined;
  readonly createSpread: number;
  readonly revokeSpread: number;
  readonly lateCreate: number;
  readonly usageLag?: number | undefined;
  readonly callTimeout: number;
  readonly [own: string]: unknown;
}

const milliseconds = z.int().min(0);

export function settingsSchemaOf({ hosts, settings, traits, usage }: Declaration): ZodType<DeclaredSettings> {
  const own = Object.entries(settings).map(([name, one]) => [name, schemaOf(one)] as const);
  return z.strictObject({
    // No default: whoever writes targets.yml decides where the admin credential goes.
    hosts: z.strictObject(Object.fromEntries(Object.keys(hosts).map((name) => [name, z.url()]))),
    maxLive: traits.maxLive === undefined ? z.int().min(1).optional() : z.int().min(1).default(traits.maxLive),
    createSpread: milliseconds.default(traits.createSpread),
    revokeSpread: milliseconds.default(traits.revokeSpread),
    lateCreate: milliseconds.default(traits.lateCreate),
    ...(usage && { usageLag: milliseconds.default(usage.lag) }),
    callTimeout: z.int().min(100).max(15_000).default(10_000),
    ...Object.fromEntries(own),
    // The shape is built from names that only the file knows; what is listed above is what the interface says.
  }) as unknown as ZodType<DeclaredSettings>;
}

function schemaOf(setting: DeclaredSetting): ZodType {
  const plain = setting.orNull === true ? plainSchema(setting).nullable() : plainSchema(setting);
  const told = setting.about === undefined ? plain : plain.meta({ description: setting.about });
  return setting.optional === true ? told.optional() : told;
}

function plainSchema(setting: DeclaredSetting): ZodType {
  switch (setting.is) {
    case 'text':
      return setting.pattern === undefined ? z.string().min(1) : z.string().regex(new RegExp(setting.pattern));
    case 'number':
      return z.number().min(0);
    case 'flag':
      return z.boolean();
    case 'list': {
      const several = z.array(z.string().min(1));
      return setting.or === undefined ? several : z.union([several, z.enum(setting.or)]);
    }
    case 'choice':
      return z.enum(setting.of);
  }
}
