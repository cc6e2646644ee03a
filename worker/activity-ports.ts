import { randomBytes } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { fingerprint } from '../activities/fingerprint.ts';
import type { ActivityPorts, BoundProvider, Workflows } from '../activities/ports.ts';
import type { Backend } from '../backends/backend.ts';
import type { RegisteredBackend } from '../backends/registry.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import { proofKey, sealProofKey } from '../evidence/possession.ts';
import { asTargets, type Targets } from '../inventory/targets.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { ProviderFactory } from '../providers/provider.ts';
import { readAdmin, type KeptAdmins } from './admin-material.ts';
import { bindProvider } from './bind-provider.ts';
import type { InstallationKey } from './installation-key.ts';

/** Milliseconds for reading an admin credential that keybaton keeps itself. */
const readTimeout = 5_000;

const soon = () => ({
  signal: AbortSignal.timeout(readTimeout),
  deadline: Date.now() + readTimeout,
  now: () => Date.now(),
});

export interface Adapters {
  readonly providers: Readonly<Record<string, ProviderFactory>>;
  readonly backends: Readonly<Record<string, RegisteredBackend>>;
}

export interface PortsInput {
  readonly ledger: Ledger;
  readonly key: InstallationKey;
  readonly adapters: Adapters;
  readonly workflows: Workflows;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Binds ledger, adapters and keys to what effects ask for. Targets are read from the ledger, as last applied. */
export function activityPorts(input: PortsInput): ActivityPorts {
  const { ledger, key, adapters, environment } = input;
  // What a moment ago was not there may have been applied since.
  const freshly = async (): Promise<Targets> => asTargets((await ledger.inventory()).targets);
  const targets = lately(freshly);
  const installation = once(() => ledger.installation());
  const backends = new Map<string, { readonly asApplied: string; readonly backend: Backend }>();

  async function provider(name: string): Promise<BoundProvider> {
    const target = (await targets()).targets[name] ?? (await freshly()).targets[name];
    if (target === undefined) throw new KeybatonError('NOT_FOUND', `target ${name} is not in targets.yml as applied`);
    const factory = adapters.providers[target.provider];
    if (factory === undefined)
      throw new KeybatonError(
        'INVALID_CONFIG',
        `target ${name} names provider ${target.provider}, which this worker does not have`,
      );
    return bindProvider(factory(), {
      name,
      environment: target.environment,
      installation: await installation(),
      settings: target.settings,
      admin: () => readAdmin(target.admin, environment, kept),
    });
  }

  async function backend(name: string): Promise<Backend> {
    const place = (await targets()).backends[name] ?? (await freshly()).backends[name];
    if (place === undefined) throw new KeybatonError('NOT_FOUND', `backend ${name} is not in targets.yml as applied`);
    const asApplied = JSON.stringify(place);
    const open = backends.get(name);
    if (open?.asApplied === asApplied) return open.backend;
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
    backends.set(name, { asApplied, backend: made });
    return made;
  }

  /** An admin credential that keybaton rotates too: what its own readers get now, from the first backend that answers. */
  async function managed(id: CredentialId): Promise<SecretMaterial> {
    const { entry } = await ledger.facts(id);
    let trouble: unknown = new KeybatonError('NOT_FOUND', `admin credential ${id} is in no readable backend`);
    for (const { backend: name, path, fields } of entry.backends) {
      try {
        const place = { credential: id, path, ...(fields === undefined ? {} : { fields }) };
        return (await (await backend(name)).read(place, 'current', soon())).material;
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

  return {
    ledger,
    provider,
    backend,
    workflows: input.workflows,
    keys: {
      fingerprint: (providerName, material) => fingerprint(key.derive('pepper'), key.id, providerName, material),
      sealedProofKey: (version, material) => sealProofKey(key.derive('proofs'), version, proofKey(material, version)),
    },
    now: () => Date.now(),
    random: (bytes) => randomBytes(bytes),
    sleep: async (milliseconds, signal) => {
      await after(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
    },
  };
}

/** One reading serves a second: an effect asks for target and backends at nearly the same moment. */
function lately<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let last: { readonly at: number; readonly value: Promise<Value> } | undefined;
  return () => {
    if (last === undefined || Date.now() - last.at > 1_000) {
      const value = read();
      // A failed reading is not kept.
      value.catch(() => (last = undefined));
      last = { at: Date.now(), value };
    }
    return last.value;
  };
}

function once<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let value: Promise<Value> | undefined;
  return () => {
    value ??= read().catch((thrown: unknown) => {
      value = undefined;
      throw thrown;
    });
    return value;
  };
}
