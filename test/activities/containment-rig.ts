import { randomBytes } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import type { ContainmentPorts } from '../../activities/containment/ports.ts';
import { fingerprint } from '../../activities/fingerprint.ts';
import type { BoundProvider } from '../../activities/ports.ts';
import { inMemoryBackend } from '../../backends/in-memory.ts';
import { createInMemoryWorld, type InMemoryWorld } from '../../backends/in-memory/world.ts';
import { parseCredentialId, versionIdFrom, type VersionId } from '../../domain/identifiers.ts';
import type { FrozenVersion } from '../../domain/incident.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { inMemorySettings, type InMemorySettings, type Powers } from '../../providers/in-memory/settings.ts';
import { processWorld, standingKeys, type World } from '../../providers/in-memory/world.ts';
import type { Call } from '../../providers/provider.ts';
import { SecretMaterial as Material } from '../../domain/secret-material.ts';
import { bindProvider } from '../../worker/bind-provider.ts';

export const installation = 'inst1';
export const path = 'ai/test/bot';
const pepper = randomBytes(32);

export const newVersion = (): VersionId => versionIdFrom(new Uint8Array(randomBytes(64)));
export const print = (provider: string, material: SecretMaterial): string =>
  fingerprint(pepper, 'pepper', provider, material);
export const tagOf = (version: VersionId): string => `${installation}:${version}`;

export interface Minted {
  readonly frozen: FrozenVersion;
  readonly material: SecretMaterial;
}

/** One target whose far side and backend tests look into, over a clock that they move. No ledger. */
export interface ContainmentRig {
  readonly ports: ContainmentPorts;
  readonly world: World;
  readonly shelf: InMemoryWorld;
  /** Provider calls in the order in which they were made: `revoke key-1`, `list`. */
  readonly calls: string[];
  pass(milliseconds: number): void;
  now(): number;
  mint(changes?: Partial<FrozenVersion>): Promise<Minted>;
  /** Ids of keys that still stand at the provider. */
  standing(): readonly string[];
}

export interface RigOptions {
  readonly powers?: Partial<Powers>;
  readonly settings?: Partial<InMemorySettings>;
  readonly wrap?: (provider: BoundProvider) => BoundProvider;
  readonly backendDown?: boolean;
}

export function containmentRig({ powers = {}, settings = {}, wrap, backendDown }: RigOptions = {}): ContainmentRig {
  const world = processWorld();
  const shelf = createInMemoryWorld();
  const calls: string[] = [];
  let now = 1_800_000_000_000;
  const bound = bindProvider(inMemory({ powers, world: () => world }), {
    name: 'target',
    environment: 'test',
    installation,
    settings: inMemorySettings.parse(settings),
    admin: async () => new Material({ token: 'admin' }, 'token'),
  });
  const counted: BoundProvider = {
    ...bound,
    revoke: (ref, call) => (calls.push(`revoke ${ref.id}`), bound.revoke(ref, call)),
    list: (call) => (calls.push('list'), bound.list(call)),
    verify: (material, call) => (calls.push('verify'), bound.verify(material, call)),
    ...(bound.suspend && {
      suspend: (ref, call) => (calls.push(`suspend ${ref.id}`), present(bound.suspend?.(ref, call))),
    }),
  };
  const provider = wrap?.(counted) ?? counted;
  const backend = inMemoryBackend('shelf', shelf);
  const call = (): Call => ({
    signal: new AbortController().signal,
    deadline: now + 5_000,
    now: () => now,
    random: (bytes) => randomBytes(bytes),
  });
  let slots = 0;

  return {
    world,
    shelf,
    calls,
    now: () => now,
    pass: (milliseconds) => void (now += milliseconds),
    standing: () => standingKeys(world, now).map(({ id }) => id),
    ports: {
      async provider(name) {
        if (name === 'target') return provider;
        throw new KeybatonError('NOT_FOUND', `target ${name} is not known`);
      },
      async backend() {
        if (backendDown === true) throw new KeybatonError('UNAVAILABLE', 'the backend is down');
        return backend;
      },
      fingerprint: print,
      now: () => now,
      random: (bytes) => randomBytes(bytes),
      sleep: async (milliseconds, signal) => {
        await after(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
      },
    },
    async mint(changes = {}) {
      const version = newVersion();
      const credential = parseCredentialId('in-memory/test/bot');
      const place = powers.keys === 'dual-slot' ? (['a', 'b'][slots++ % 2] ?? 'a') : 'target';
      const generated = bound.generate?.({ version, place, random: (bytes) => randomBytes(bytes) });
      const issued = await bound.issue?.(
        { credential, version, place, ...(generated !== undefined && { generated }) },
        call(),
      );
      if (issued === undefined) throw new Error('this provider issues nothing');
      const { ref, material } = issued;
      await backend.stage({ credential, path }, { version, ref, material }, call());
      const frozen: FrozenVersion = {
        credential,
        version,
        target: 'target',
        refs: [ref],
        lateUntil: 0,
        fingerprint: print('in-memory', material),
        places: [{ backend: 'shelf', path, fields: undefined }],
        onlyByHand: false,
        policy: 'revoke-first',
        killAt: now,
        ...changes,
      };
      return { frozen, material };
    },
  };
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('the ability is gone');
  return value;
}

export const never = (): AbortSignal => new AbortController().signal;
