import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ActivityPorts } from '../../activities/ports.ts';
import { inMemory as inMemoryFactory, inMemoryBackend } from '../../backends/in-memory.ts';
import { createInMemoryWorld, type InMemoryWorld } from '../../backends/in-memory/world.ts';
import { registered } from '../../backends/registry.ts';
import type { Entry } from '../../domain/entry.ts';
import type { CredentialFacts, VersionFacts } from '../../domain/facts.ts';
import { parseCredentialId, type CredentialId, type VersionId } from '../../domain/identifiers.ts';
import type { EffectInput } from '../../domain/rotation.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { openLedger } from '../../ledger/open.ts';
import { inMemory } from '../../providers/in-memory.ts';
import type { InMemorySettings, Powers } from '../../providers/in-memory/settings.ts';
import { plantKey, processWorld, type World } from '../../providers/in-memory/world.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { activityPorts, type Adapters } from '../../worker/activity-ports.ts';
import { installationKey, type InstallationKey } from '../../worker/installation-key.ts';
import { plainEntry } from '../support/rotation-world.ts';

/** One credential over a real ledger, a provider world and backends that tests look into. No Temporal. */
export interface Rig {
  readonly id: CredentialId;
  readonly entry: Entry;
  readonly ledger: Ledger;
  readonly ports: ActivityPorts;
  readonly key: InstallationKey;
  readonly adapters: Adapters;
  readonly killSheet: string;
  readonly provider: World;
  readonly shelf: InMemoryWorld;
  readonly path: string;
  facts(): Promise<CredentialFacts>;
  only(fate: VersionFacts['fate']): Promise<VersionFacts>;
  effect(version: VersionId): EffectInput;
  /** A key that a person made at the provider. */
  plant(id: string, value?: string): SecretMaterial;
  apply(changes: Partial<Entry>): Promise<void>;
  close(): Promise<void>;
}

export interface RigOptions {
  readonly powers?: Partial<Powers>;
  readonly settings?: Partial<InMemorySettings>;
  readonly entry?: Partial<Entry>;
  /** Wraps or replaces the adapter. */
  readonly adapter?: (adapter: AnyProvider) => AnyProvider;
  readonly readable?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const folder = temporaryFolder('rig');
  const killSheet = join(folder.path, 'kill-sheet.json');
  const ledger = await openLedger({ url: `sqlite:${folder.path}/ledger.sqlite`, killSheet });
  const key = installationKey(randomBytes(32));
  const provider = processWorld();
  const shelf = createInMemoryWorld();
  const adapter = inMemory({ powers: options.powers ?? {}, world: () => provider });
  const adapters: Adapters = {
    providers: { 'in-memory': () => options.adapter?.(adapter) ?? adapter },
    backends: {
      'in-memory': registered({
        ...inMemoryFactory,
        create: (_settings, access) => inMemoryBackend(access.name, shelf, options.readable ?? true),
      }),
    },
  };
  const ports = activityPorts({
    ledger,
    key,
    adapters,
    environment: options.environment ?? { ADMIN: 'admin' },
    workflows: { watchTarget: async () => {}, settleDebt: async () => {}, wakeRotation: async () => {} },
  });
  const id = parseCredentialId('in-memory/test/bot');
  const path = 'ai/test/bot';
  let entry: Entry = {
    ...plainEntry(id, 'team', [{ backend: 'shelf', path, fields: undefined }]),
    target: 'target',
    ...options.entry,
  };
  const apply = async (changes: Partial<Entry>): Promise<void> => {
    entry = { ...entry, ...changes };
    await ledger.applyInventory({
      teams: ['team'],
      entries: [entry],
      targets: {
        targets: {
          target: {
            provider: 'in-memory',
            environment: 'test',
            settings: { ...options.settings },
            admin: 'env:ADMIN',
            teams: ['team'],
            paths: ['ai'],
            probes: {},
          },
        },
        backends: { shelf: { kind: 'in-memory', settings: {}, path: 'ai' } },
      },
      actor: 'test',
    });
  };
  await apply({});
  const facts = (): Promise<CredentialFacts> => ledger.facts(id);
  return {
    id,
    entry,
    ledger,
    ports,
    key,
    adapters,
    killSheet,
    provider,
    shelf,
    path,
    facts,
    apply,
    only: async (fate) => {
      const found = (await facts()).versions.filter((one) => one.fate === fate);
      const [first] = found;
      if (first === undefined || found.length > 1) throw new Error(`${found.length} versions are ${fate}, not one`);
      return first;
    },
    effect: (version) => ({ credential: id, version, run: 'run', compromised: [], watched: 0 }),
    plant: (keyId, value = `kbcanary${randomBytes(16).toString('hex')}`) => {
      plantKey(provider, { id: keyId, value, at: Date.now() });
      return new SecretMaterial({ api_key: value }, 'api_key');
    },
    close: async () => {
      await ledger.close();
      folder.remove();
    },
  };
}

export const signal = (): AbortSignal => AbortSignal.timeout(30_000);

/** Everything that both worlds hold, as text; what `verify` counts as a use apart. */
export function worldDump(rig: Rig): string {
  const keys = rig.provider.change((state) => state.keys.map(({ uses: _uses, useCount: _count, ...rest }) => rest));
  const shelf = rig.shelf.shelf(rig.path);
  const staged = [...shelf.staged.values()].map(({ version, ref, material }) => ({
    version,
    ref,
    material: material.reveal(),
  }));
  return JSON.stringify({ keys, staged, generations: shelf.generations });
}
