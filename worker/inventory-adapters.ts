import { checkFields } from '../backends/fields.ts';
import type { Adapters as InventoryAdapters } from '../inventory/adapters.ts';
import type { Adapters } from './activity-ports.ts';

/** What reading the two files needs to know of the adapters of this process: their settings, traits and material. */
export function inventoryAdapters({ providers, backends }: Adapters): InventoryAdapters {
  return {
    targetSchemas: Object.fromEntries(Object.entries(providers).map(([name, make]) => [name, make().settingsSchema])),
    backendSchemas: Object.fromEntries(Object.entries(backends).map(([kind, one]) => [kind, one.settingsSchema])),
    traits(name, settings) {
      const provider = Object.hasOwn(providers, name) ? providers[name]?.() : undefined;
      const parsed = provider?.settingsSchema.safeParse(settings);
      if (provider === undefined || parsed?.success !== true) return undefined;
      return { ...provider.traits(parsed.data), material: provider.material };
    },
    checkFields,
  };
}
