import { checkFields } from '../backends/fields.ts';
import type { Adapters as InventoryAdapters } from '../inventory/adapters.ts';
import type { Adapters } from './activity-ports.ts';

/** What reading the two files needs to know of the adapters of this process: their settings, traits and material. */
export function inventoryAdapters({ providers, backends }: Adapters): InventoryAdapters {
  const withSettings = (name: string, written: unknown) => {
    const provider = Object.hasOwn(providers, name) ? providers[name]?.() : undefined;
    const parsed = provider?.settingsSchema.safeParse(written);
    return provider === undefined || parsed?.success !== true ? undefined : { provider, settings: parsed.data };
  };
  return {
    targetSchemas: Object.fromEntries(Object.entries(providers).map(([name, make]) => [name, make().settingsSchema])),
    backendSchemas: Object.fromEntries(Object.entries(backends).map(([kind, one]) => [kind, one.settingsSchema])),
    traits(name, settings) {
      const known = withSettings(name, settings);
      return known && { ...known.provider.traits(known.settings), material: known.provider.material };
    },
    advice(name, settings) {
      const known = withSettings(name, settings);
      return known?.provider.advice?.(known.settings);
    },
    checkFields,
  };
}
