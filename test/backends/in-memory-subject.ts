import type { Backend, Place } from '../../backends/backend.ts';
import { holdsValue } from '../../backends/fields.ts';
import { inMemoryBackend } from '../../backends/in-memory.ts';
import { createInMemoryWorld, type InMemoryWorld, type Operation } from '../../backends/in-memory/world.ts';
import { markOf } from '../../backends/main-place.ts';
import type { BackendSubject } from '../../conformance/backend-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';

export const testPlace: Place = {
  credential: parseCredentialId('openai/prod/support-bot'),
  path: 'ai/prod/providers/openai/keys/support-bot',
};

const writes: readonly Operation[] = ['stage', 'promote', 'destroy'];

/** `break` may replace the backend by one that breaks the contract. */
export function inMemorySubject(breakIt: (backend: Backend, world: InMemoryWorld) => Backend = (sound) => sound) {
  return async (): Promise<BackendSubject> => {
    const world = createInMemoryWorld();
    const sound = inMemoryBackend('memory', world);
    const always = (script: (operation?: Operation) => void): Backend => {
      const troubled = inMemoryBackend('memory', {
        ...world,
        meet(operation, call, material, effect) {
          script(operation);
          return world.meet(operation, call, material, effect);
        },
      });
      return breakIt(troubled, world);
    };
    return {
      backend: breakIt(sound, world),
      place: testPlace,
      consumerReads: async (path) => world.main(path),
      // All generations: a store with versions lets a consumer read older ones too.
      consumerFinds: async (path, text) => world.shelf(path).generations.some((stored) => holdsValue(stored, text)),
      writeByHand: async (path, fields) => world.writeByHand(path, fields),
      async copies(path, version, value) {
        const { staged, generations } = world.shelf(path);
        const main = generations.filter((stored) => markOf(stored)?.version === version || holdsValue(stored, value));
        return main.length + (staged.has(version) ? 1 : 0);
      },
      async losingNextAnswer() {
        let lost = false;
        const backend = always((operation) => {
          if (lost || operation === undefined || !writes.includes(operation)) return;
          lost = true;
          world.script('lose-answer', { operation });
        });
        return { backend, lost: () => lost };
      },
      unreachable: async () => always((operation) => world.script('fail', operation && { operation })),
      denied: async () => always((operation) => world.script('denied', operation && { operation })),
      close: async () => undefined,
    };
  };
}
