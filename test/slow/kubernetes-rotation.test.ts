import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clusterSchema } from '../../inventory/clusters.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { documentedRole, place } from '../activities/cluster-rig.ts';
import type { KubernetesFakeSettings } from '../fakes/kubernetes/server.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import { certificate } from '../outbound/self-signed.ts';
import { openStage, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** Rotations on Temporal's own server whose one consumer is a Deployment behind an ExternalSecret, under the documented Role. */
const folder = temporaryFolder('kubernetes-rotation');
let stage: Stage;
let fake: RunningFake<KubernetesFakeSettings>;

beforeAll(async () => {
  fake = await startFake('kubernetes');
  writeFileSync(join(folder.path, 'ca.crt'), certificate);
  writeFileSync(join(folder.path, 'token'), 'bound\n');
  await fake.control('POST', '/rules', { token: 'bound', allowed: documentedRole() });
  stage = await openStage();
}, 60_000);
afterAll(async () => {
  await stage?.close();
  await fake?.stop();
  folder.remove();
}, 60_000);

const workload = { namespace: 'team-a', plural: 'deployments', name: 'web' };
const named = { namespace: 'team-a', name: 'support-bot' };

test('the old version lives until the last pod of it is gone, and dies when every pod is of the new one', async () => {
  const web = { name: 'web', kind: 'service', demand: 'rolled-out', deadline: 600_000, without: 'hold' } as const;
  const play = await stage.play({
    entry: { consumers: [{ ...web, probe: undefined, kubernetes: place }], silence: { no: 'a test' }, soak: 0 },
  });
  const { targets, backends } = (await stage.ledger.appliedTargets()) as { targets: object; backends: object };
  const cluster = clusterSchema.parse({
    server: fake.url,
    caFile: join(folder.path, 'ca.crt'),
    tokenFile: join(folder.path, 'token'),
    namespaces: { 'team-a': [play.entry.team] },
  });
  await stage.ledger.applyInventory({
    teams: [play.entry.team],
    entries: [play.entry],
    targets: { targets, backends, clusters: { 'prod-eu': cluster } },
    actor: 'test',
  });
  const spec = { containers: [{ name: 'web', envFrom: [{ secretRef: { name: 'support-bot' } }] }] };
  await fake.control('POST', '/workloads', { ...workload, spec, replicas: 2, at: Date.now() - 60_000 });
  await fake.control('POST', '/external-secrets', { ...named, spec: { refreshInterval: '1h' } });
  // The control port is ours: its answer has this shape.
  const patched = async () =>
    ((await fake.control('GET', '/cluster')) as { patches: { resource: string }[] }).patches.map(
      ({ resource }) => resource,
    );
  /** The operator reads its store, which has what was promoted. */
  const sync = async (): Promise<void> => {
    const { version, epoch } = (await play.facts()).epochs[0] ?? { version: '', epoch: 0 };
    const fields = { keybaton_version: version, keybaton_epoch: String(epoch), api_key: 'of the store' };
    await fake.control('POST', '/store', { ...named, fields });
    await fake.control('POST', '/sync', named);
  };
  const waitsFor = (what: RegExp) =>
    until(`it waits for ${what.source}`, async () => {
      const { waitsFor: said } = (await stage.rotations.status(play.id)) ?? {};
      if (said === undefined || what.test(said)) return said !== undefined;
      // A wake is a signal, and a run bears only so many.
      await play.wake();
      await pause(200);
      return false;
    });

  await play.rotate();
  expect(await play.result()).toMatchObject({ outcome: 'rotated' });
  const old = await play.current();
  expect(await patched()).toContain('externalsecrets');
  await play.rotate();
  await waitsFor(/Secret team-a\/support-bot (does not exist|shows epoch).*was told to sync/);
  await sync();
  await waitsFor(/has not taken up its newest template yet/);
  expect((await patched()).filter((resource) => resource === 'deployments')).toHaveLength(1);
  await fake.control('POST', '/roll-out', { ...workload, upTo: 1 });
  await waitsFor(/1 of 2 pods are of its newest template/);
  const alive = (await play.facts()).versions.find(({ id }) => id === old.id);
  expect([alive?.fate, alive?.killBegun, alive?.suspended]).toEqual(['doomed', false, false]);
  await fake.control('POST', '/roll-out', workload);
  await play.wake();
  expect(await play.result()).toMatchObject({ outcome: 'rotated' });
  expect((await play.facts()).versions.find(({ id }) => id === old.id)?.fate).toBe('dead');
}, 120_000);
