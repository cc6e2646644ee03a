import { anthropic } from './anthropic.ts';
import { inMemory } from './in-memory.ts';
import { openAi } from './openai.ts';
import { postgresRoles } from './postgres-roles.ts';
import type { ProviderFactory } from './provider.ts';

/** Every adapter that ships, by the name that targets.yml uses. One line each. */
export const providers = {
  anthropic: () => anthropic(),
  'in-memory': () => inMemory(),
  'in-memory-generated': () => inMemory({ powers: { makes: 'generate' } }),
  'in-memory-slots': () => inMemory({ powers: { keys: 'dual-slot', makes: 'generate', usage: 'sample' } }),
  'in-memory-supplied': () => inMemory({ powers: { keys: 'operator-supplied' } }),
  openai: () => openAi(),
  'postgres-roles': () => postgresRoles(),
} satisfies Record<string, ProviderFactory>;
