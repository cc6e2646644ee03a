import { randomBytes } from 'node:crypto';
import type { ProviderSuiteOptions } from '../../conformance/index.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { inMemory } from '../../providers/in-memory.ts';
import type { Powers } from '../../providers/in-memory/settings.ts';
import type { InMemorySettings } from '../../providers/in-memory/settings.ts';
import { inMemorySettings } from '../../providers/in-memory/settings.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { digestOf, openSession, plantKey, processWorld, showValue } from '../../providers/in-memory/world.ts';
import type { World } from '../../providers/in-memory/world.ts';
import type { Target } from '../../providers/provider.ts';

export interface Setting {
  readonly powers?: Partial<Powers>;
  readonly settings?: Partial<InMemorySettings>;
}

/** What the kit needs to test the in-memory adapter, over a clock that moves only when somebody waits. */
export function inMemoryKit({ powers = {}, settings = {} }: Setting): ProviderSuiteOptions<InMemorySettings> {
  let now = 1_700_000_000_000;
  const clock = { now: () => now, pause: async (milliseconds: number) => void (now += milliseconds) };
  const worlds = new Map<string, World>();
  const worldOf = (of: { readonly world: string }): World => {
    const world = worlds.get(of.world) ?? processWorld();
    worlds.set(of.world, world);
    return world;
  };
  const elsewhere = (target: Target<InMemorySettings>, world: string) => ({
    ...target,
    settings: { ...target.settings, world },
  });
  const parsed = inMemorySettings.parse(settings);

  return {
    create: () => inMemory({ powers, world: worldOf }),
    settings: parsed,
    clock,
    target() {
      const admin = `kbadm_${randomBytes(24).toString('base64url')}`;
      const world = `world ${worlds.size}`;
      worldOf({ world }).change((state) => (state.admin = digestOf(admin)));
      return {
        name: 'kit',
        environment: 'test',
        installation: 'kit1',
        settings: { ...parsed, world },
        admin: async () => new SecretMaterial({ token: admin }, 'token'),
      };
    },
    unreachable(target) {
      scriptTrouble(worldOf({ world: 'away' }), 'any', { kind: 'fail', code: 'UNAVAILABLE' }, 100);
      return elsewhere(target, 'away');
    },
    // Waiting takes real time, and is the same whatever the powers are.
    ...(Object.keys(powers).length === 0 && {
      silent(target: Target<InMemorySettings>) {
        scriptTrouble(worldOf({ world: 'silent' }), 'any', { kind: 'hang', when: 'before' }, 100);
        return elsewhere(target, 'silent');
      },
    }),
    loseAnswer: (target) => scriptTrouble(worldOf(target.settings), 'issue', { kind: 'lose-answer' }),
    async supply(target) {
      const value = `kbmem_${randomBytes(24).toString('base64url')}`;
      plantKey(worldOf(target.settings), { id: `console-${randomBytes(4).toString('hex')}`, value, at: now });
      return new SecretMaterial({ api_key: value }, 'api_key');
    },
    async use(target, material) {
      const world = worldOf(target.settings);
      if (powers.usage === 'sample') return openSession(world, material.revealValue(), now);
      showValue(world, material.revealValue(), now);
      return { isOpen: () => false };
    },
    ...(powers.keys === 'dual-slot' && {
      eraseMark(target: Target<InMemorySettings>, ref: { readonly id: string }) {
        worldOf(target.settings).change((state) => {
          for (const key of state.keys) if (key.id === ref.id && key.revokedAt === undefined) delete key.tag;
        });
      },
    }),
  };
}
