import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { standingKeys } from '../../providers/in-memory/world.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { documentedRole } from '../activities/cluster-rig.ts';
import { type Installation, openInstallation } from '../emergency/installation.ts';
import { grants } from '../fakes/kubernetes/roles.ts';
import type { KubernetesFakeSettings } from '../fakes/kubernetes/server.ts';
import { type RunningFake, startFake } from '../fakes/start.ts';
import { certificate } from '../outbound/self-signed.ts';
import { until } from '../support/until.ts';

/** An emergency by the command line and a worker's process; its consumer's pods are restarted by keybaton, under the documented Role. */
const credential = parseCredentialId('in-memory/prod/support-bot');
const named = { namespace: 'team-a', name: 'support-bot' };
const workload = { namespace: 'team-a', plural: 'deployments', name: 'web' };
const folder = temporaryFolder('emergency-rollout');
let fake: RunningFake<KubernetesFakeSettings>;
let installation: Installation;

beforeAll(async () => {
  fake = await startFake('kubernetes');
  writeFileSync(join(folder.path, 'ca.crt'), certificate);
  writeFileSync(join(folder.path, 'token'), 'bound\n');
  chmodSync(join(folder.path, 'token'), 0o600);
  await fake.control('POST', '/rules', { token: 'bound', allowed: documentedRole() });
  installation = await openInstallation({ targets, inventory, environment: { ADMIN: 'admin' } });
  await installation.startWorker();
}, 60_000);
afterAll(async () => {
  await installation?.close();
  await fake?.stop();
  folder.remove();
}, 60_000);

const happened = async (kind: string) =>
  (await installation.ledger.history({ credential, limit: 1_000 })).filter((event) => event.kind === kind);
const rolledOut = async () =>
  (await happened('evidence.recorded')).filter(({ epoch, body }) => epoch === 2 && body['kind'] === 'rolled-out');
const newest = async () => (await installation.ledger.facts(credential)).epochs[0];

/** The operator reads its store, which has what was promoted. */
async function sync(): Promise<void> {
  const { version, epoch } = (await newest()) ?? { version: '', epoch: 0 };
  const fields = { keybaton_version: version, keybaton_epoch: String(epoch), api_key: 'of the store' };
  await fake.control('POST', '/store', { ...named, fields });
  await fake.control('POST', '/sync', named);
}

const patches = async (): Promise<readonly { resource: string; name: string; body: unknown }[]> =>
  // The control port is ours: its answer has this shape.
  ((await fake.control('GET', '/cluster')) as { patches: [] }).patches;

test('a leaked key dies at once, and the pods that had it are restarted with the next one: two patches, both in the Role', async () => {
  const spec = { containers: [{ name: 'web', envFrom: [{ secretRef: { name: 'support-bot' } }] }] };
  await fake.control('POST', '/workloads', { ...workload, spec, replicas: 2, at: Date.now() - 60_000 });
  await fake.control('POST', '/external-secrets', { ...named, spec: { refreshInterval: '1h' } });
  await installation.type(['rotate', credential, '--why', 'the first one']);
  await until('the first rotation is over', async () => (await happened('rotation.ended')).length === 1);
  await sync();
  await fake.control('POST', '/roll-out', workload);
  const world = sharedWorld(join(installation.folder, 'far'));
  try {
    const [leaked] = standingKeys(world, Date.now());
    const before = (await patches()).length;

    const line = ['emergency', credential, '--reason', 'found in a paste', '--no-wait', '--json'];
    const { stdout, stderr } = await installation.type(line);
    expect(stderr).not.toContain('error');
    // The command answers the incident under this name.
    const { incident } = JSON.parse(stdout) as { incident: string };
    await until('it is replaced', async () => (await newest())?.epoch === 2);
    const replacement = await newest();
    expect(standingKeys(world, Date.now()).map(({ id }) => id)).not.toContain(leaked?.id);
    // An operator that has read already is told nothing.
    await until('the operator is told to read', async () =>
      (await patches()).slice(before).some(({ resource }) => resource === 'externalsecrets'),
    );
    await sync();
    await until('the pods are told to start anew', async () =>
      (await patches()).some(({ resource, body }) => resource === 'deployments' && marks(body).epoch === '2'),
    );
    await fake.control('POST', '/roll-out', { ...workload, upTo: 1 });
    // One pod has it and one does not, and the incident says so.
    expect([(await installation.show(incident)).counts, await rolledOut()]).toMatchObject([
      { dead: 1, replaced: 1, confirmed: 0 },
      [],
    ]);
    await fake.control('POST', '/roll-out', workload);
    await until('every pod has it', async () => (await rolledOut()).length === 1);
    await until('the incident is over', async () => (await installation.show(incident)).closedAt !== null);

    // The verdict is the cluster's: what was changed there, by whom, and that nothing else was tried.
    const made = (await patches()).slice(before).filter(({ resource }) => resource === 'deployments');
    expect(made.map(({ name, body }) => [name, marks(body)])).toEqual([
      ['web', { version: replacement?.version, epoch: '2' }],
    ]);
    const others = (await patches()).slice(before).filter(({ resource }) => resource !== 'deployments');
    expect(new Set(others.map(({ resource, name }) => `${resource}/${name}`))).toEqual(
      new Set(['externalsecrets/support-bot']),
    );
    for (const { body } of others)
      expect(body).toEqual({ metadata: { annotations: { 'force-sync': expect.stringMatching(/^keybaton-2-\d+$/) } } });
    const { requests } = await fake.activity();
    const asked = requests.flatMap(({ method, path, status }) => {
      const found = /^\/(?:api\/v1|apis\/([^/]+)\/[^/]+)\/namespaces\/([^/]+)\/([^/?]+)(?:\/([^/?]+))?/.exec(path);
      if (found === null) return [];
      const [, group = '', namespace = '', resource = '', name] = found;
      const verb = method === 'PATCH' ? 'patch' : method !== 'GET' ? method : name === undefined ? 'list' : 'get';
      return [{ verb, group, namespace, resource, name, status }];
    });
    expect(asked.filter((one) => !grants(documentedRole(), one) || one.status === 403)).toEqual([]);
    expect(new Set(asked.map(({ verb }) => verb))).toEqual(new Set(['get', 'list', 'patch']));
  } finally {
    world.close();
  }
}, 120_000);

function marks(body: unknown): { version: unknown; epoch: unknown } {
  // As `restart` of evidence/rollout-cluster.ts writes it.
  const { spec } = body as { spec: { template: { metadata: { annotations: Record<string, unknown> } } } };
  const { keybaton_version: version, keybaton_epoch: epoch } = spec.template.metadata.annotations;
  return { version, epoch };
}

const targets = (at: string): string => `targets:
  memory:
    provider: in-memory
    environment: prod
    admin: env:ADMIN
    teams: [search]
    settings: { folder: ${at}/far }
backends:
  vault:
    kind: embedded
    settings: { file: ${at}/vault.sqlite }
clusters:
  prod-eu:
    server: ${fake.url}
    caFile: ${join(folder.path, 'ca.crt')}
    tokenFile: ${join(folder.path, 'token')}
    namespaces: { team-a: [search] }
`;

const inventory = `teams: [search]
credentials:
  ${credential}:
    target: memory
    team: search
    schedule: { every: 90d }
    backends: [vault]
    silence: { no: a test that is in a hurry }
    soak: 0s
    consumers:
      - name: web
        demand: rolled-out
        kubernetes:
          cluster: prod-eu
          namespace: team-a
          workload: deployment/web
          externalSecret: support-bot
          restart: rollout
`;
