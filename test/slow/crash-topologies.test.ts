import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import {
  awsFamily,
  azureFamily,
  fireworksFamily,
  mistralFamily,
  supabaseFamily,
  type VendorFamily,
} from '../crash/vendor-families.ts';
import { openVendorLane, type VendorCellEnd, type VendorLane } from '../crash/vendor-lane.ts';

/** Minting and roles have the whole matrix (`crash-openai`, `crash-postgres-roles`); these are the other topologies. */
const made = [
  { name: 'azure-openai', topology: 'dual slot' },
  { name: 'aws-iam', topology: 'keys without a name' },
  { name: 'supabase', topology: 'values that can be read again' },
  { name: 'fireworks', topology: 'declared in YAML' },
];
const effects = ['issue', 'promote', 'revoke'].flatMap((effect) =>
  ['before', 'after'].map((side) => `${effect === 'promote' ? 'backend' : 'provider'}.${effect}:${side}`),
);
interface Planned {
  readonly name: string;
  readonly topology: string;
  readonly why: 'scheduled' | 'emergency';
  readonly point: string;
}

const ofMade = made.map(({ name, topology }): readonly Planned[] => [
  ...effects.map((point) => ({ name, topology, why: 'scheduled' as const, point })),
  ...['provider.revoke:before', 'provider.revoke:after', 'provider.issue:after'].map((point) => ({
    ...{ name, topology, why: 'emergency' as const, point },
  })),
]);
// Nothing is made or killed by a call: the vendor hears of a value when it is checked, and again when it is to be dead.
const ofPeople = ['provider.verify:after', 'ledger.issued:before', 'backend.promote:after', 'ledger.authorise:after']
  .map((point): Planned => ({ name: 'mistral', topology: 'supplied by people', why: 'scheduled', point }))
  .concat({ name: 'mistral', topology: 'supplied by people', why: 'emergency', point: 'ledger.issued:before' });
const plan = [...ofMade.flat(), ...ofPeople];

describe('a worker that is killed with SIGKILL while it rotates', () => {
  let server: TemporalServer;
  let families: readonly VendorFamily[];
  const lanes: VendorLane[] = [];
  let ends: readonly VendorCellEnd[] = [];
  beforeAll(async () => {
    server = await startTemporalServer({ extraArgs: ['--namespace', 'people'] });
    families = await Promise.all([azureFamily(), awsFamily(), supabaseFamily(), fireworksFamily(), mistralFamily()]);
    // Workers of one namespace would take each other's work. People are slow, and nobody waits for them here.
    lanes.push(await openVendorLane(server, families));
    lanes.push(await openVendorLane({ address: server.address, namespace: 'people' }, families));
    const play = (lane: VendorLane | undefined, cells: readonly Planned[]): Promise<readonly VendorCellEnd[]> =>
      lane?.play(cells.map((cell) => ({ ...cell, family: familyOf(cell.name) }))) ?? Promise.resolve([]);
    const supplied = play(lanes[1], ofPeople);
    supplied.catch(() => undefined);
    // What is held for too long is tried again, and then a create has gone unanswered twice: a few at a time.
    const first = await play(lanes[0], ofMade.slice(0, 2).flat());
    const second = await play(lanes[0], ofMade.slice(2).flat());
    ends = [...first, ...second, ...(await supplied)];
  }, 600_000);
  afterAll(async () => {
    for (const lane of lanes) await lane.close();
    await Promise.all(families.map((family) => family.stop()));
    await server.stop();
  }, 60_000);

  function familyOf(name: string): VendorFamily {
    const found = families.find((family) => family.name === name);
    if (found === undefined) throw new Error(`nobody plays ${name}`);
    return found;
  }

  it.each(plan.map((cell, index) => ({ ...cell, index })))(
    '$name ($topology, $why) at $point: one key of ours lives, which consumers read, and nothing else was touched',
    ({ index }) => {
      expect(ends[index]).toMatchObject({ reached: true, faults: [] });
    },
  );
});
