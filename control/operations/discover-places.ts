import { KeybatonError } from '../../domain/errors.ts';
import type { BackendPlace, Targets } from '../../inventory/targets.ts';
import { targetsFileSchema } from '../../inventory/targets.ts';
import { readYaml } from '../../inventory/yaml-source.ts';
import type { Discovery, Unseen } from '../discovery.ts';

/** Which vault, as a person said it: a backend of a targets file, or a kind with where it stands. */
export interface DiscoverWhere {
  readonly backend: string;
  readonly targets: string | undefined;
  /** YAML: what targets.yml would say under `settings`. */
  readonly settings: string | undefined;
  readonly admin: string | undefined;
  readonly mounts: readonly string[];
  readonly namespaces: readonly string[];
  readonly variable: (name: string) => string | undefined;
  readonly signal: AbortSignal;
}

export interface DiscoverPlaces {
  readonly targets: Targets;
  readonly backends: Readonly<Record<string, BackendPlace>>;
  /** They stand in no targets file yet. */
  readonly drafted: boolean;
  readonly unseen: readonly Unseen[];
}

interface Usual {
  /** What the tools of these vaults read from the environment, by our names for it. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly admin?: string;
  /** Of `settings`: without it nothing is found. */
  readonly needs?: string;
  /** Unless said otherwise. */
  readonly otherwise?: Readonly<Record<string, string>>;
}

const usual: Readonly<Record<string, Usual>> = {
  'vault-kv': {
    settings: { address: 'VAULT_ADDR', namespace: 'VAULT_NAMESPACE', caFile: 'VAULT_CACERT' },
    admin: 'VAULT_TOKEN',
    needs: 'address',
  },
  'aws-secrets-manager': { settings: { region: 'AWS_REGION' }, needs: 'region' },
  // Names of Secrets have no folders, and a target allows paths by folder.
  kubernetes: { otherwise: { root: 'secrets' } },
};

/** INVALID_CONFIG when neither the targets file nor the registry knows it, or it is not said where it stands. */
export async function discoverPlaces(discovery: Discovery, where: DiscoverWhere): Promise<DiscoverPlaces> {
  const targets = where.targets === undefined ? none : targetsIn(where.targets);
  const known = Object.hasOwn(targets.backends, where.backend) ? targets.backends[where.backend] : undefined;
  if (known !== undefined) return { targets, backends: { [where.backend]: known }, drafted: false, unseen: [] };
  if (!Object.hasOwn(discovery.adapters.backendSchemas, where.backend)) {
    const names = [...Object.keys(targets.backends), ...Object.keys(discovery.adapters.backendSchemas)].join(', ');
    throw new KeybatonError(
      'INVALID_CONFIG',
      `--backend is neither a backend of the targets file nor a kind: ${names}`,
    );
  }
  const place = placeOf(where);
  const stores = await storesOf(discovery, where, place);
  const backends = stores.settings.map((own): [string, BackendPlace] => [
    stores.settings.length === 1
      ? where.backend
      : `${where.backend}-${slug(Object.values(own).join('-'))}`.slice(0, 63),
    { ...place, settings: { ...place.settings, ...own } },
  ]);
  return { targets, backends: apart(backends), drafted: true, unseen: stores.unseen };
}

const none: Targets = { targets: {}, backends: {} };

function targetsIn(text: string): Targets {
  const source = readYaml('targets', text);
  const read = source.problems.length === 0 ? targetsFileSchema.safeParse(source.content) : undefined;
  if (read?.success === true) return read.data;
  throw new KeybatonError('INVALID_CONFIG', 'the targets file has mistakes: keybaton apply --dry-run tells them');
}

function placeOf({ backend: kind, settings: given, admin, variable }: DiscoverWhere): BackendPlace {
  const { settings = {}, admin: token, needs, otherwise } = usual[kind] ?? {};
  const found = Object.entries(settings).flatMap(([setting, name]) => {
    const value = variable(name);
    return value === undefined || value === '' ? [] : [[setting, value] as const];
  });
  const reference = admin ?? (token !== undefined && (variable(token) ?? '') !== '' ? `env:${token}` : undefined);
  const said = { ...otherwise, ...Object.fromEntries(found), ...(given === undefined ? {} : settingsIn(given)) };
  const missing = (name: string | undefined, option: string): KeybatonError =>
    new KeybatonError('INVALID_CONFIG', `set ${name ?? ''}, or say it with ${option}`);
  if (needs !== undefined && !(needs in said)) throw missing(settings[needs], '--settings');
  if (token !== undefined && reference === undefined && !('auth' in said)) throw missing(token, '--admin');
  return {
    kind,
    settings: said,
    path: 'ai/{environment}/providers/{provider}/keys/{application}',
    ...(reference !== undefined && { admin: reference }),
  };
}

function settingsIn(text: string): Record<string, unknown> {
  const { content, problems } = readYaml('targets', text);
  if (problems.length === 0 && typeof content === 'object' && content !== null && !Array.isArray(content))
    return { ...content };
  throw new KeybatonError('INVALID_CONFIG', '--settings is not a map of settings in YAML');
}

async function storesOf(discovery: Discovery, where: DiscoverWhere, place: BackendPlace) {
  const { mounts, namespaces, signal } = where;
  const inNamespaces = namespaces.length === 0 ? [{}] : namespaces.map((namespace) => ({ namespace }));
  const settings: Record<string, string>[] = [];
  const unseen: Unseen[] = [];
  for (const namespace of inNamespaces) {
    const said = { ...place, settings: { ...place.settings, ...namespace } };
    if (mounts.length > 0) settings.push(...mounts.map((mount) => ({ ...namespace, mount })));
    else if ('mount' in place.settings) settings.push(namespace);
    else {
      const stores = await discovery.stores(said, signal);
      settings.push(...(stores?.settings ?? [{}]).map((own) => ({ ...namespace, ...own })));
      unseen.push(...(stores?.unseen ?? []));
    }
  }
  if (settings.length === 0 && unseen.length === 0)
    throw new KeybatonError(
      'NOT_FOUND',
      'this credential sees no store there: name one with --mount, or give it a policy',
    );
  return { settings, unseen };
}

function apart(named: readonly (readonly [string, BackendPlace])[]): Record<string, BackendPlace> {
  const backends: Record<string, BackendPlace> = {};
  for (const [name, place] of named) backends[freeName(name, backends)] = place;
  return backends;
}

/** A name of our files, made from any text. */
export function slug(text: string): string {
  const made = text
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 56)
    .replace(/-+$/, '');
  return made === '' ? 'unnamed' : made;
}

/** The name, or with a number where it is taken. */
export function freeName(name: string, taken: object): string {
  for (let n = 1; ; n += 1) {
    const tried = n === 1 ? name : `${name.slice(0, 58)}-${n}`;
    if (!Object.hasOwn(taken, tried)) return tried;
  }
}
