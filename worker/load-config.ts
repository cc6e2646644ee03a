import { pathToFileURL } from 'node:url';
import { KeybatonError } from '../domain/errors.ts';
import type { Adapters } from './activity-ports.ts';

/**
 * Adapters from outside the package: `keybaton.config.mts`, only from an explicit path (KEYBATON_CONFIG, or
 * `--config`), in every process but `api`. Its default export is `{ providers?, backends? }`. It is code with all our rights: whoever may set the
 * path may do everything.
 */
export async function loadConfig(path: string): Promise<Adapters> {
  const module: unknown = await import(pathToFileURL(path).href).catch((thrown: unknown) => {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `cannot load ${path}: ${thrown instanceof Error ? thrown.name : 'unknown'}; run it with node to see why`,
      { cause: thrown },
    );
  });
  const config = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
  if (typeof config !== 'object' || config === null) {
    throw new KeybatonError('INVALID_CONFIG', `${path} must export a default object with providers or backends`);
  }
  // Checked by name and kind here, by the adapter contract when it is used.
  const { providers = {}, backends = {} } = config as Partial<Adapters>;
  return { providers, backends };
}
