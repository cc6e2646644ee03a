import { randomBytes } from 'node:crypto';
import type { BoundProvider, OwnWork } from '../activities/ports.ts';
import type { Backend } from '../backends/backend.ts';
import type { RegisteredBackend } from '../backends/registry.ts';
import type { EntryBackend } from '../domain/entry.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import type { BackendPlace, Target } from '../inventory/targets.ts';
import type { Call, ProviderFactory } from '../providers/provider.ts';
import { readAdmin, type KeptAdmins } from './admin-material.ts';
import { bindProvider } from './bind-provider.ts';
import type { InstallationKey } from './installation-key.ts';
import { eitherAdmin, withSecondAdmin } from './second-admin.ts';

export interface Adapters {
  readonly providers: Readonly<Record<string, ProviderFactory>>;
  readonly backends: Readonly<Record<string, RegisteredBackend>>;
}

/** Who knows what is where: the ledger, or what is left without it. */
export interface Places {
  /** NOT_FOUND, naming where it was looked for. */
  target(name: string): Promise<Target>;
  backend(name: string): Promise<BackendPlace>;
  installation(): Promise<string>;
  /** Where an admin credential that keybaton rotates too lies; `version` where only its staged copy can be found. */
  managed(
    id: CredentialId,
  ): Promise<{ readonly places: readonly EntryBackend[]; readonly version: VersionId | 'current' }>;
}

export interface BindingsInput {
  readonly places: Places;
  readonly key: Pick<InstallationKey, 'derive'>;
  readonly adapters: Adapters;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface Bindings {
  readonly provider: (target: string) => Promise<BoundProvider>;
  readonly backend: (name: string) => Promise<Backend>;
  /** As `ActivityPorts` says. */
  readonly workAs: (work: OwnWork, signal: AbortSignal) => Promise<SecretMaterial>;
  /** What a reference points at, read now: channels have secrets too. */
  readonly secret: (reference: string) => Promise<SecretMaterial>;
}

/** Milliseconds for reading an admin credential that lies in a backend. */
const readTimeout = 5_000;

const soon = () => ({
  signal: AbortSignal.timeout(readTimeout),
  deadline: Date.now() + readTimeout,
  now: () => Date.now(),
});

/** Binds targets and backends to their adapters. Admin references are followed at the moment of use. */
export function bindings({ places, key, adapters, environment }: BindingsInput): Bindings {
  const backends = new Map<string, { readonly asWritten: string; readonly backend: Backend }>();

  async function boundTo(
    name: string,
    target: Target,
  ): Promise<(admin: () => Promise<SecretMaterial>) => BoundProvider> {
    const factory = adapters.providers[target.provider];
    if (factory === undefined)
      throw new KeybatonError(
        'INVALID_CONFIG',
        `target ${name} names provider ${target.provider}, which this worker does not have`,
      );
    const installation = await places.installation();
    return (admin) => ({
      ...bindProvider(factory(), {
        name,
        environment: target.environment,
        installation,
        settings: target.settings,
        admin,
      }),
      ...(target.rateLimit === undefined ? {} : { rate: target.rateLimit }),
    });
  }

  async function workAs({ target: name, credential, dead }: OwnWork, signal: AbortSignal): Promise<SecretMaterial> {
    const [boundWith, used] = await Promise.all([
      places.target(name).then((target) => boundTo(name, target)),
      managed(credential),
    ]);
    const bound = boundWith(() => Promise.resolve(used));
    const call = (): Call => ({
      signal,
      deadline: Date.now() + bound.traits.callTimeout,
      now: () => Date.now(),
      random: (bytes) => randomBytes(bytes),
    });
    await bound.list(call());
    // Where people kill, the list alone asks whether the credential is accepted.
    if (dead !== undefined && bound.traits.lists !== false) await bound.revoke(dead, call());
    return used;
  }

  async function provider(name: string): Promise<BoundProvider> {
    const target = await places.target(name);
    const boundWith = await boundTo(name, target);
    const { admin, secondAdmin } = target;
    const first = (): Promise<SecretMaterial> => readAdmin(admin, environment, kept);
    if (secondAdmin === undefined) return boundWith(first);
    const second = (): Promise<SecretMaterial> => readAdmin(secondAdmin, environment, kept);
    const alone = { admin: boundWith(first), secondAdmin: boundWith(second) };
    return {
      ...withSecondAdmin(
        boundWith(() => eitherAdmin(first, second)),
        alone.secondAdmin,
      ),
      alone,
    };
  }

  async function backend(name: string): Promise<Backend> {
    const place = await places.backend(name);
    const asWritten = JSON.stringify(place);
    const open = backends.get(name);
    if (open?.asWritten === asWritten) return open.backend;
    const factory = adapters.backends[place.kind];
    if (factory === undefined)
      throw new KeybatonError(
        'INVALID_CONFIG',
        `backend ${name} is of kind ${place.kind}, which this worker does not have`,
      );
    const made = factory.open(place.settings, {
      name,
      admin: () => readAdmin(place.admin, environment, kept),
      key: (purpose) => key.derive(purpose),
    });
    backends.set(name, { asWritten, backend: made });
    return made;
  }

  /** What its own readers get now, from the first backend that answers. */
  async function managed(id: CredentialId): Promise<SecretMaterial> {
    const found = await places.managed(id);
    let trouble: unknown = new KeybatonError('NOT_FOUND', `admin credential ${id} is in no readable backend`);
    for (const { backend: name, path, fields } of found.places) {
      try {
        const place = { credential: id, path, ...(fields === undefined ? {} : { fields }) };
        return (await (await backend(name)).read(place, found.version, soon())).material;
      } catch (thrown) {
        trouble = thrown;
      }
    }
    throw trouble;
  }

  const kept: KeptAdmins = {
    managed,
    looked: async (name, path, field) => {
      const asked = await backend(name);
      if (asked.lookUp !== undefined) return asked.lookUp(path, field, soon());
      throw new KeybatonError('UNSUPPORTED', `backend ${name} cannot be looked into for an admin credential`);
    },
  };

  return { provider, backend, workAs, secret: (reference) => readAdmin(reference, environment, kept) };
}
