import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { askGate } from '../../activities/ask-gate.ts';
import { bringOut } from '../../activities/bring-out.ts';
import { askOutcomes } from '../../activities/incident/ask-outcomes.ts';
import { issueAndStage } from '../../activities/issue-and-stage.ts';
import { planNewVersion } from '../../activities/plan-new-version.ts';
import { promoteAndNotify } from '../../activities/promote-and-notify.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { clusterSchema } from '../../inventory/clusters.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { openClusters } from '../../worker/clusters.ts';
import type { FakeWorkload } from '../fakes/kubernetes/workloads.ts';
import type { KubernetesFakeSettings } from '../fakes/kubernetes/server.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import { certificate } from '../outbound/self-signed.ts';
import { documentedRole, place } from './cluster-rig.ts';
import { openRig, signal, type Rig } from './rig.ts';

/** The effects of a rotation, and of an incident, with a consumer in a cluster of targets.yml. */
const folder = temporaryFolder('clusters');
const caFile = join(folder.path, 'ca.crt');
const tokenFile = join(folder.path, 'token');
let fake: RunningFake<KubernetesFakeSettings>;
let rig: Rig;

beforeAll(async () => {
  fake = await startFake('kubernetes');
  writeFileSync(caFile, certificate);
  writeFileSync(tokenFile, 'bound\n');
  await fake.control('POST', '/rules', { token: 'bound', allowed: documentedRole() });
});
afterAll(async () => {
  await fake.stop();
  folder.remove();
});
afterEach(async () => {
  await rig.close();
  await fake.control('POST', '/forget');
});

const targetsWith = (more: object = {}) => ({
  targets: {},
  backends: {},
  clusters: {
    'prod-eu': clusterSchema.parse({
      server: fake.url,
      caFile,
      tokenFile,
      namespaces: { 'team-a': ['team'] },
      ...more,
    }),
  },
});

async function open(): Promise<void> {
  const web = { name: 'web', kind: 'service', demand: 'rolled-out', deadline: 60_000, without: 'hold' } as const;
  rig = await openRig({
    entry: {
      consumers: [{ ...web, probe: undefined, kubernetes: place }],
      silence: { no: 'a test' },
      soak: 0,
    },
  });
  const spec = { containers: [{ name: 'web', envFrom: [{ secretRef: { name: 'support-bot' } }] }] };
  await fake.control('POST', '/workloads', { ...workload, spec, replicas: 1, at: Date.now() - 60_000 });
  await fake.control('POST', '/external-secrets', { namespace: 'team-a', name: 'support-bot', spec: {} });
}
const workload = { namespace: 'team-a', plural: 'deployments', name: 'web' };
const clusters = () =>
  openClusters(
    async () => targetsWith(),
    async () => Promise.reject(new Error('no reference is read')),
  );
const ports = () => ({ ...rig.ports, clusters: clusters() });

async function issued(): Promise<VersionId> {
  const provider = await rig.ports.provider('target');
  const planned = await planNewVersion(rig.ports, await rig.facts(), provider, false, signal());
  if (planned.kind !== 'done' || planned.result === undefined) throw new Error('no version was planned');
  await issueAndStage(rig.ports, rig.effect(planned.result), signal());
  return planned.result;
}
async function promoted(expectedEpoch: number): Promise<VersionId> {
  const version = await issued();
  const answer = await promoteAndNotify(ports(), { ...rig.effect(version), why: 'due', expectedEpoch }, signal());
  expect(answer).toMatchObject({ kind: 'done', result: { epoch: expectedEpoch + 1 } });
  return version;
}
/** The operator reads what the backend has had since the promotion. */
async function synced(version: VersionId, epoch: number): Promise<void> {
  const fields = { api_key: 'x', keybaton_version: version, keybaton_epoch: String(epoch) };
  await fake.control('POST', '/store', { namespace: 'team-a', name: 'support-bot', fields });
  await fake.control('POST', '/sync', { namespace: 'team-a', name: 'support-bot' });
}
const patched = async (): Promise<readonly string[]> => {
  // The control port is ours: its answer has this shape.
  const { patches } = (await fake.control('GET', '/cluster')) as { patches: { resource: string }[] };
  return patches.map(({ resource }) => resource);
};

test('promoting tells the cluster at once, GATE goes on with it, and opens when every pod is of the new version', async () => {
  await open();
  const old = await promoted(0);
  expect(await patched()).toEqual(['externalsecrets']);
  const version = await promoted(1);
  expect(await patched()).toEqual(['externalsecrets', 'externalsecrets']);
  const gate = () => askGate(ports(), { ...rig.effect(old), watched: 0 }, signal());
  expect(await gate()).toMatchObject({ kind: 'wait', step: 'confirming', againIn: 15_000 });
  await synced(version, 2);
  expect(await gate()).toMatchObject({ kind: 'wait', reason: expect.stringContaining('was told to restart its pods') });
  expect((await patched()).at(-1)).toBe('deployments');
  await fake.control('POST', '/roll-out', workload);
  expect(await gate()).toMatchObject({ kind: 'done' });
  const [shown] = (await rig.ledger.evidence(rig.id)).evidence;
  expect(shown).toMatchObject({ consumer: 'web', instance: undefined, kind: 'rolled-out', withdrawn: false });
});

test('a cluster that does not answer holds no promotion up, and GATE says so', async () => {
  await open();
  await fake.faults({ refuseEveryone: true });
  const old = await promoted(0);
  await promoted(1);
  const answer = await askGate(ports(), { ...rig.effect(old), watched: 0 }, signal());
  expect(answer).toMatchObject({
    kind: 'wait',
    reason: expect.stringContaining('web: the cluster answered Unauthorized'),
  });
  await fake.faults({ refuseEveryone: false });
});

test('an incident has pods restarted and hears of them, though no GATE asks for what was killed first', async () => {
  await open();
  const leaked = await promoted(0);
  const version = await promoted(1);
  await synced(version, 2);
  const asked = { incident: 'incident-1', credentials: [{ credential: rig.id, versions: [leaked] }] };
  const answer = async () => {
    const both = ports();
    const tell = (facts: Parameters<typeof bringOut>[1], stop: AbortSignal) => bringOut(both, facts, stop);
    return (
      await askOutcomes({ ledger: async () => rig.ledger, now: () => Date.now(), bringOut: tell }, asked, signal())
    )[0];
  };
  expect(await answer()).toMatchObject({ replaced: true, confirmed: false });
  expect((await patched()).at(-1)).toBe('deployments');
  await fake.control('POST', '/roll-out', workload);
  await answer();
  expect(await answer()).toMatchObject({ replaced: true, confirmed: true, missing: [] });
});

test('a cluster is the one of targets.yml as it is applied now, and its token is read for every call', async () => {
  await open();
  let applied = targetsWith();
  const named = openClusters(
    async () => applied,
    async () => Promise.reject(new Error('no reference is read')),
  );
  const call = () => ({ signal: signal(), deadline: Date.now() + 20_000, now: () => Date.now() });
  const first = await named('prod-eu');
  expect(await named('prod-eu')).toBe(first);
  expect((await first.workload(place, call())).secrets).toEqual(['support-bot']);
  writeFileSync(tokenFile, 'another\n');
  await expect(first.workload(place, call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  writeFileSync(tokenFile, 'bound\n');
  applied = targetsWith({ timeout: 4_000 });
  expect(await named('prod-eu')).not.toBe(first);
  await expect(named('elsewhere')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(named('constructor')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test.each(['statefulset', 'daemonset'] as const)('a %s is told and looked at like a deployment', async (kind) => {
  await open();
  const own = { ...workload, plural: `${kind}s` };
  const spec = { volumes: [{ projected: { sources: [{ secret: { name: 'support-bot' } }] } }], containers: [] };
  await fake.control('POST', '/workloads', { ...own, spec, replicas: 2, at: Date.now() - 60_000 });
  const rule = { namespace: 'team-a', apiGroups: ['apps'], resources: [`${kind}s`], verbs: ['get', 'patch'] };
  await fake.control('POST', '/rules', { token: 'bound', allowed: [...documentedRole(), rule] });
  const cluster = await clusters()('prod-eu');
  const at = { ...place, workload: { kind, name: 'web' } };
  const call = () => ({ signal: signal(), deadline: Date.now() + 20_000, now: () => Date.now() });
  const before = await cluster.workload(at, call());
  expect([before.unsettled, before.secrets]).toEqual([undefined, ['support-bot']]);
  await cluster.restart(at, before, { version: 'kbx', epoch: 3 }, call());
  expect((await cluster.workload(at, call())).unsettled).toBe(
    'its controller has not taken up its newest template yet',
  );
  await fake.control('POST', '/roll-out', { ...own, upTo: 1 });
  expect((await cluster.workload(at, call())).unsettled).toBe('1 of 2 pods are of its newest template');
  await fake.control('POST', '/roll-out', own);
  expect(await cluster.workload(at, call())).toMatchObject({
    unsettled: undefined,
    template: { version: 'kbx', epoch: 3 },
  });
  await expect(cluster.restart(at, before, { version: 'kby', epoch: 4 }, call())).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  // The control port is ours: its answer has this shape.
  const { workloads } = (await fake.control('GET', '/cluster')) as { workloads: Record<string, FakeWorkload> };
  expect(workloads[`team-a/${kind}s/web`]?.spec.template.metadata.annotations).toEqual({
    keybaton_version: 'kbx',
    keybaton_epoch: '3',
  });
});
