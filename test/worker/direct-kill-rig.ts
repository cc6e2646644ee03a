import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { embedded } from '../../backends/embedded.ts';
import { registered } from '../../backends/registry.ts';
import { parseCredentialId, versionIdFrom, type VersionId } from '../../domain/identifiers.ts';
import type { Declaration, FrozenVersion } from '../../domain/incident.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { fingerprint } from '../../activities/fingerprint.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { plantKey, standingKeys } from '../../providers/in-memory/world.ts';
import type { World } from '../../providers/in-memory/world.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { IncidentLedger, KillSheet, Ledger } from '../../ledger/ledger.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import type { Adapters } from '../../worker/bindings.ts';
import { containmentPorts, type ContainmentInput, type OpenContainment } from '../../worker/containment-ports.ts';
import { openDirectKill } from '../../worker/direct-kill.ts';
import { openKnownKeys } from '../../worker/known-keys.ts';
import type { DirectKill, IncidentJournals, KnownKeys } from '../../control/incident-ports.ts';
import type { Rotations } from '../../control/ports.ts';
import { installationKey, type InstallationKey } from '../../worker/installation-key.ts';

export const installation = 'inst1';

/** The ledger's database is down. */
export const noLedger = (): Promise<Ledger & IncidentLedger> =>
  Promise.reject(new KeybatonError('UNAVAILABLE', 'the ledger cannot be reached'));

export interface ContainmentOfProcess extends Omit<ContainmentInput, 'ledger'> {
  readonly home: string;
  readonly ledger: () => Promise<Ledger & IncidentLedger>;
  readonly rotations: Pick<Rotations, 'escalate'>;
}

/** Everything of an emergency that needs neither ledger nor Temporal. Opening it reaches for nothing. */
export function openContainment(input: ContainmentOfProcess): {
  readonly ports: OpenContainment;
  readonly direct: DirectKill;
  readonly journals: IncidentJournals;
  readonly known: KnownKeys;
} {
  const ports = containmentPorts(input);
  const direct = openDirectKill({ ...input, ports });
  return { ports, direct, journals: direct, known: openKnownKeys({ ...input, ports }) };
}

export interface DirectRig {
  readonly home: string;
  readonly world: World & { close(): void };
  readonly killSheet: string;
  readonly key: InstallationKey;
  readonly keyText: string;
  readonly targets: unknown;
  /** A key at the provider under our tag, with its frozen line. */
  plant(changes?: Partial<FrozenVersion>): { readonly frozen: FrozenVersion; readonly value: string };
  standing(): readonly string[];
  writeSheet(sheet?: Partial<KillSheet>): void;
  open(changes?: Partial<ContainmentOfProcess>): ReturnType<typeof openContainment>;
  close(): void;
}

export function adaptersOf(wrap: (adapter: AnyProvider) => AnyProvider = (adapter) => adapter): Adapters {
  return {
    providers: { 'in-memory': () => wrap(inMemory()) },
    backends: { embedded: registered(embedded) },
  };
}

/** A machine with a home and a provider in a folder: nothing else runs. */
export function directRig(): DirectRig {
  const folder = temporaryFolder('direct');
  const home = join(folder.path, 'home');
  mkdirSync(home);
  const far = join(folder.path, 'far');
  const world = sharedWorld(far);
  const killSheet = join(home, 'kill-sheet.json');
  const keyBytes = randomBytes(32);
  const key = installationKey(keyBytes);
  const targets = {
    targets: {
      memory: {
        provider: 'in-memory',
        environment: 'test',
        settings: { folder: far },
        admin: 'env:ADMIN',
        teams: ['team'],
        paths: ['ai'],
        probes: {},
      },
    },
    backends: {},
  };
  let planted = 0;

  const rig: DirectRig = {
    home,
    world,
    killSheet,
    key,
    keyText: keyBytes.toString('base64'),
    targets,
    plant(changes = {}) {
      planted += 1;
      const version: VersionId = changes.version ?? versionIdFrom(new Uint8Array(randomBytes(64)));
      const value = `kbmem_${randomBytes(32).toString('base64url')}`;
      const id = `key-${planted}`;
      plantKey(world, { id, value, tag: `${installation}:${version}`, at: Date.now() });
      const material = new SecretMaterial({ api_key: value }, 'api_key');
      const frozen: FrozenVersion = {
        credential: parseCredentialId(`in-memory/test/bot-${planted}`),
        version,
        target: 'memory',
        refs: [{ id }],
        lateUntil: 0,
        fingerprint: fingerprint(key.derive('pepper'), key.id, 'in-memory', material),
        places: [],
        onlyByHand: false,
        policy: 'revoke-first',
        killAt: Date.now(),
        ...changes,
      };
      return { frozen, value };
    },
    standing: () => standingKeys(world, Date.now()).map(({ id }) => id),
    writeSheet(sheet = {}) {
      const whole: KillSheet = { format: 1, installation, n: 1, at: Date.now(), targets, credentials: [], ...sheet };
      writeFileSync(killSheet, JSON.stringify(whole), { mode: 0o600 });
    },
    open: (changes = {}) =>
      openContainment({
        home,
        killSheet,
        key,
        adapters: adaptersOf(),
        environment: { ADMIN: 'admin' },
        ledger: noLedger,
        rotations: { escalate: async () => undefined },
        ...changes,
      }),
    close() {
      world.close();
      folder.remove();
    },
  };
  rig.writeSheet();
  return rig;
}

export const declarationOf = (incident: string, changes: Partial<Declaration> = {}): Declaration => ({
  incident,
  declaredAt: 1_800_000_000_000,
  who: 'on-call',
  why: 'found in a public repository',
  scope: 'credential in-memory/test/bot-1',
  drill: false,
  parts: 1,
  pace: { retryFrom: 20, retryTo: 200, outcomeEvery: 50, clock: 60_000 },
  ...changes,
});
