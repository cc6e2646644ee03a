import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { BackendFactory } from '../backends/backend.ts';
import { backendRegistry, registered } from '../backends/registry.ts';
import { KeybatonError } from '../domain/errors.ts';
import { declaredProvider, readDeclaration } from '../providers/http.ts';
import type { ProviderFactory } from '../providers/provider.ts';
import { providers as shippedProviders } from '../providers/registry.ts';
import type { Adapters } from './activity-ports.ts';
import { contractProblem, knownContracts } from './contract-versions.ts';

/**
 * Adapters from outside the package: `keybaton.config.mts`, only from an explicit path (KEYBATON_CONFIG, or
 * `--config`), in every process but `api`. Its default export is `{ providers?, backends? }`. It is code with all our rights: whoever may set the
 * path may do everything. A path that ends in `.yml` or `.yaml` is a provider declared without code. INVALID_CONFIG names
 * every adapter that cannot be used, with what to do about it.
 */
export async function loadConfig(path: string): Promise<Adapters> {
  if (/\.ya?ml$/.test(path)) return declared(path);
  const module: unknown = await import(pathToFileURL(path).href).catch((thrown: unknown) => {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `cannot load ${path}: ${thrown instanceof Error ? thrown.name : 'unknown'}; run it with node to see why`,
      { cause: thrown },
    );
  });
  const config = isObject(module) ? module['default'] : undefined;
  if (!isObject(config)) {
    throw new KeybatonError('INVALID_CONFIG', `${path} must export a default object with providers or backends`);
  }
  const { providers = {}, backends = {}, ...unknown } = config;
  const problems = [
    ...Object.keys(unknown).map((key) => `it exports "${key}", and only providers and backends are known`),
    ...problemsOf(providers, 'provider', shippedProviders, providerProblem),
    ...problemsOf(backends, 'backend', backendRegistry, backendProblem),
  ];
  if (problems.length > 0) throw new KeybatonError('INVALID_CONFIG', `${path}: ${problems.join('; ')}`);
  // Each was looked at above; that an operation does what it says is for the kit.
  const factories = backends as Readonly<Record<string, BackendFactory<unknown>>>;
  return {
    providers: providers as Readonly<Record<string, ProviderFactory>>,
    backends: Object.fromEntries(Object.entries(factories).map(([kind, factory]) => [kind, registered(factory)])),
  };
}

async function declared(path: string): Promise<Adapters> {
  const text = await readFile(path, 'utf8').catch((thrown: unknown) => {
    throw new KeybatonError('INVALID_CONFIG', `cannot read ${path}: is it there, and readable?`, { cause: thrown });
  });
  const declaration = readDeclaration(path, text);
  const providers = { [declaration.name]: () => declaredProvider(declaration) };
  const [problem] = problemsOf(providers, 'provider', shippedProviders, () => undefined);
  if (problem !== undefined) throw new KeybatonError('INVALID_CONFIG', `${path}: ${problem}`);
  return { providers, backends: {} };
}

function problemsOf(
  adapters: unknown,
  what: 'provider' | 'backend',
  shipped: object,
  problemOf: (adapter: unknown) => string | undefined,
): readonly string[] {
  if (!isObject(adapters)) return [`${what}s must be an object of adapters by name`];
  return Object.entries(adapters).flatMap(([name, adapter]) => {
    const problem = Object.hasOwn(shipped, name)
      ? 'has the name of one that ships, which would be used in its place: give it another'
      : problemOf(adapter);
    return problem === undefined ? [] : [`${what} ${name} ${problem}`];
  });
}

function providerProblem(factory: unknown): string | undefined {
  if (typeof factory !== 'function') return 'must be a function that returns the adapter';
  let provider: unknown;
  try {
    provider = Reflect.apply(factory, undefined, []);
  } catch (thrown) {
    return `cannot be made: its function throws ${thrown instanceof Error ? thrown.name : 'something'}`;
  }
  if (!isObject(provider) || !isSchema(provider['settingsSchema'])) return 'must have a settingsSchema made with zod';
  return contractProblem(provider['contract'], knownContracts.provider);
}

function backendProblem(factory: unknown): string | undefined {
  if (!isObject(factory) || !isSchema(factory['settingsSchema']) || typeof factory['create'] !== 'function') {
    return 'must have a kind, a settingsSchema made with zod, and a create function';
  }
  return contractProblem(factory['contract'], knownContracts.backend);
}

function isObject(thing: unknown): thing is Readonly<Record<string, unknown>> {
  return typeof thing === 'object' && thing !== null;
}

function isSchema(thing: unknown): boolean {
  return isObject(thing) && typeof thing['safeParse'] === 'function';
}
