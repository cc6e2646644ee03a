import { describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/index.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { providers } from '../../providers/registry.ts';
import { inMemoryKit } from './in-memory-kit.ts';

const settings = {
  'n keys that are minted and found by tag': {},
  'n keys whose value can be read again': { powers: { recover: true } },
  'n keys without tags': { powers: { tags: false } },
  'n keys that we choose': { powers: { makes: 'generate' } },
  'at most three keys with an expiry, no suspend and a counter': {
    powers: { suspend: false, usage: 'counter', expiry: true },
    settings: { maxLive: 3 },
  },
  'keys that spread slowly, with a lagging signal': {
    settings: { createSpread: 4_000, revokeSpread: 9_000, usageLag: 60_000 },
  },
  'two slots that we fill': { powers: { keys: 'dual-slot', makes: 'generate', usage: 'sample' } },
  'two slots that mint': { powers: { keys: 'dual-slot', usage: undefined } },
  'keys that an operator supplies': { powers: { keys: 'operator-supplied' } },
} as const;

for (const [name, setting] of Object.entries(settings)) {
  describe(`provider contract: in-memory, ${name}`, () => {
    for (const one of providerSuite(inMemoryKit(setting))) test(one.name, () => one.run());
  });
}

test('the in-memory adapters of the registry parse their own defaults', () => {
  for (const [name, create] of Object.entries(providers)) {
    if (!name.startsWith('in-memory')) continue;
    expect(create().settingsSchema.parse({ world: 'registry' })).toMatchObject({ callTimeout: 5_000 });
  }
});

test('the adapter without options lives in a world that its settings name', () => {
  expect(inMemory().traits(inMemory().settingsSchema.parse({})).topology).toBe('n-keys');
});
