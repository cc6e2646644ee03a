import type { Connection, ConnectOptions } from '../../consumer/connect.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { openHarness } from './harness.ts';
import type { Store } from './stores.ts';

/** The SDK against the real API and ledger, reading from a store beside it. */
export async function openSourceHarness(store: Store) {
  const harness = await openHarness();
  const { world } = harness;
  const values = new Map<VersionId, string>();

  async function promote(version: VersionId, value: string, why: 'due' | 'requested'): Promise<number> {
    const expected = (await world.ledger.facts(credentialOf)).epochs[0]?.version;
    const epoch = await world.decide(version, why);
    await world.show(version, epoch, expected);
    await store.promote({ version, epoch, expected, value });
    return epoch;
  }
  const credentialOf = (await world.ledger.inventory()).entries[0]?.id ?? fail();

  return {
    ...harness,

    start: (options: Partial<ConnectOptions> = {}): Connection =>
      harness.start({ source: store.source(), proofValue: 'api_key', timeout: 20_000, ...options }),

    async rotate() {
      const version = await world.issue();
      const value = world.values.at(-1) ?? '';
      values.set(version, value);
      harness.accepts.add(value);
      const isFirst = (await world.ledger.facts(credentialOf)).epochs.length === 0;
      const epoch = await promote(version, value, isFirst ? 'due' : 'requested');
      return { version, epoch, value };
    },

    leak: (version: VersionId) =>
      world.ledger.declareIncident({ incident: 'inc-1', versions: [version], who: 'os:test', why: 'leaked' }),

    async close() {
      await harness.close();
      store.close();
    },
  };
}

function fail(): never {
  throw new Error('the inventory is empty');
}

export type SourceHarness = Awaited<ReturnType<typeof openSourceHarness>>;
