import { randomBytes } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { fingerprint } from '../activities/fingerprint.ts';
import type { ActivityPorts, Workflows } from '../activities/ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import { proofKey, sealProofKey } from '../evidence/possession.ts';
import { asTargets, type BackendPlace, type Targets } from '../inventory/targets.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { bindings, type Adapters } from './bindings.ts';
import { openClusters } from './clusters.ts';
import type { InstallationKey } from './installation-key.ts';
import { openReadings } from './readings.ts';

export type { Adapters };

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
  const freshly = async (): Promise<Targets> => asTargets(await ledger.appliedTargets());
  const targets = lately(freshly);
  const installation = once(() => ledger.installation());
  const pepper = derivedOnce(key, 'pepper');
  const proofs = derivedOnce(key, 'proofs');
  async function backendPlace(name: string): Promise<BackendPlace> {
    const place = (await targets()).backends[name] ?? (await freshly()).backends[name];
    if (place !== undefined) return place;
    throw new KeybatonError('NOT_FOUND', `backend ${name} is not in targets.yml as applied`);
  }
  const { provider, backend, workAs, secret } = bindings({
    key,
    adapters,
    environment,
    places: {
      installation,
      async target(name) {
        const target = (await targets()).targets[name] ?? (await freshly()).targets[name];
        if (target !== undefined) return target;
        throw new KeybatonError('NOT_FOUND', `target ${name} is not in targets.yml as applied`);
      },
      backend: backendPlace,
      managed: async (id) => ({ places: (await ledger.facts(id)).entry.backends, version: 'current' }),
    },
  });

  return {
    ledger,
    provider,
    backend,
    workAs,
    opensTargets: async (id) =>
      Object.values((await targets()).targets).some(({ admin, secondAdmin }) =>
        [admin, secondAdmin].includes(`credential:${id}`),
      ),
    workflows: input.workflows,
    readings: openReadings(backendPlace),
    clusters: openClusters(targets, secret),
    keys: {
      fingerprint: (providerName, material) => fingerprint(pepper(), key.id, providerName, material),
      sealedProofKey: (version, material) => sealProofKey(proofs(), version, proofKey(material, version)),
    },
    now: () => Date.now(),
    random: (bytes) => randomBytes(bytes),
    sleep: async (milliseconds, signal) => {
      await after(milliseconds, undefined, { signal }).catch(() => undefined);
    },
  };
}

/** For the life of the process, as the installation key itself. */
function derivedOnce(key: InstallationKey, purpose: string): () => Uint8Array {
  let derived: Uint8Array | undefined;
  return () => (derived ??= key.derive(purpose));
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
