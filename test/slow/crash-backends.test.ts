import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import { missingTool } from '../../scripts/servers/tools.ts';
import { openCallLane, type CallCellEnd, type CallLane } from '../crash/call-cells.ts';
import { inMemoryFamily } from '../crash/families.ts';
import { storePoints } from '../crash/points.ts';
import * as stores from '../crash/stores.ts';

const noVault = missingTool('openbao');

/** How consumers are pointed to a version is all that an alias changes. */
const pointsOf = (store: stores.Store): readonly string[] =>
  storePoints(store).filter((point) => store.name !== 'google-by-alias' || point.includes('.promote:'));

describe('a worker killed with SIGKILL in the middle of what it does at a backend', () => {
  let server: TemporalServer;
  let opened: readonly stores.Store[] = [];
  let lane: CallLane;
  let ends: readonly CallCellEnd[] = [];
  beforeAll(async () => {
    server = await startTemporalServer();
    opened = await Promise.all([
      stores.awsStore(),
      stores.keyVaultStore(),
      stores.googleStore('latest'),
      stores.googleStore('alias'),
      stores.kubernetesStore(),
      stores.githubStore(),
      ...(noVault === undefined ? [stores.vaultStore()] : []),
    ]);
    const family = inMemoryFamily('in-memory');
    lane = await openCallLane(server, [family], opened);
    ends = await lane.play(opened.flatMap((store) => pointsOf(store).map((point) => ({ family, point, store }))));
  }, 300_000);
  afterAll(async () => {
    await lane.close();
    for (const store of opened) await store.stop();
    await server.stop();
  }, 60_000);

  it.for([
    'aws-secrets-manager',
    'azure-key-vault',
    'google-secret-manager',
    'google-by-alias',
    'kubernetes',
    'github-actions',
    'vault-kv',
  ])(
    'ends rotated in %s from every point, with one live version, the one that consumers read, and no other copy',
    (name, { skip }) => {
      if (name === 'vault-kv' && noVault !== undefined) skip(noVault);
      const store = opened.find((one) => one.name === name);
      const points = store === undefined ? [] : pointsOf(store);
      expect(points.length).toBeGreaterThan(3);
      expect(
        ends.filter((end) => end.store === store).map(({ point, reached, faults }) => ({ point, reached, faults })),
      ).toEqual(points.map((point) => ({ point, reached: true, faults: [] })));
    },
  );

  it('leaves a ledger whose projections equal a rebuild from events', async () => {
    expect(await lane.ledgerFaults()).toEqual([]);
  });
});
