import { describe, test } from 'vitest';
import { providerSuite } from '../../conformance/provider-suite.ts';
import { openAi } from '../../providers/openai.ts';
import type { OpenAiSettings } from '../../providers/openai/settings.ts';
import type { OpenAiSettings as FakeSettings } from '../fakes/openai/state.ts';
import { at, byHand, models, openAiSettingsOf, openAiTarget, openAiWorld, type OpenAiWorld } from './openai-world.ts';

const world = openAiWorld();

interface Way {
  /** For the traits alone. */
  readonly like?: Partial<OpenAiSettings>;
  readonly settings: (world: OpenAiWorld) => Promise<Partial<OpenAiSettings>>;
  readonly vendor?: Partial<FakeSettings>;
  readonly mints: 'create' | 'create-key';
}

/** Every way to make and delete keys must keep the contract. */
const ways: Readonly<Record<string, Way>> = {
  'one service account per version': { settings: async () => ({ maxLive: 3 }), mints: 'create' },
  'one service account per version, with scopes': {
    settings: async () => ({ scopes: ['api.model.read'] }),
    mints: 'create-key',
  },
  'one service account per version, whose key cannot be deleted alone': {
    settings: async () => ({}),
    vendor: { deleteServiceAccountKeys: 'refused-400' },
    mints: 'create',
  },
  'many keys of one service account': {
    like: { keys: 'many-keys', serviceAccount: 'svc_acct_any' },
    settings: async (world) => {
      const { project } = openAiSettingsOf();
      const accounts = `/organization/projects/${project}/service_accounts`;
      const shared = await byHand(world, 'POST', accounts, { name: 'shared', create_service_account_only: true });
      await byHand(world, 'POST', `${accounts}/${shared.body.id}`, { role: 'member' });
      return { project, keys: 'many-keys', serviceAccount: shared.body.id };
    },
    mints: 'create-key',
  },
};

for (const [name, way] of Object.entries(ways)) {
  describe(`openai keeps the provider contract: ${name}`, () => {
    const suite = providerSuite<OpenAiSettings>({
      create: openAi,
      settings: openAiSettingsOf(way.like),
      async target() {
        await world().fake.settings(way.vendor ?? {});
        return openAiTarget(world(), await way.settings(world()));
      },
      unreachable: (target) => at(world().nowhere, target),
      // The same code gives up in every way, and these tests wait.
      ...(way.mints === 'create' && !way.vendor && { silent: (target) => at(world().silent, target) }),
      async use(_, material) {
        await models(world(), material.revealValue());
        return { isOpen: () => false };
      },
      loseAnswer: ({ settings }) =>
        world().fake.faults({
          drop: { [way.mints]: 1 },
          // With scopes the adapter takes back what it made; here that fails too.
          ...(settings.scopes.length > 0 && { failNext: { operation: 'delete-account', count: 1, status: 500 } }),
        }),
    });
    for (const one of suite) test(one.name, () => one.run());
  });
}
