import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { bringOut } from '../../activities/bring-out.ts';
import type { EntryConsumer, WorkloadPlace } from '../../domain/entry.ts';
import { missingEvidence } from '../../domain/gate.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { openCluster } from '../../evidence/rollout-cluster.ts';
import { credential, openWorld } from '../control/http-api/world.ts';
import { startFake } from '../fakes/start.ts';
import type { Rule } from '../fakes/kubernetes/roles.ts';
import type { KubernetesFakeSettings } from '../fakes/kubernetes/server.ts';
import type { FakeExternalSecret, FakePod, FakeWorkload } from '../fakes/kubernetes/workloads.ts';
import { certificate } from '../outbound/self-signed.ts';

/** A ledger with one consumer in a cluster, and the cluster: the fake API server, under the documented Role. */
export const place: WorkloadPlace = {
  cluster: 'prod-eu',
  namespace: 'team-a',
  workload: { kind: 'deployment', name: 'web' },
  externalSecret: 'support-bot',
  secret: 'support-bot',
  restart: 'rollout',
};

/** The Role that the page tells people to bind. */
export function documentedRole(): readonly Rule[] {
  const page = readFileSync(new URL('../../docs/kubernetes-consumers.md', import.meta.url), 'utf8');
  const documents = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].flatMap(([, text = '']) =>
    parseAllDocuments(text).map((document) => document.toJS() as { kind?: string }),
  );
  return documents
    .filter(({ kind }) => kind === 'Role')
    .flatMap((document) => {
      // Of kind Role: its shape is the API's.
      const { metadata, rules } = document as { metadata: { namespace: string }; rules: Omit<Rule, 'namespace'>[] };
      return rules.map((rule) => ({ ...rule, namespace: metadata.namespace }));
    });
}

const usesSecret: object = {
  containers: [{ name: 'web', image: 'web', envFrom: [{ secretRef: { name: 'support-bot' } }] }],
};
const workload = { namespace: 'team-a', plural: 'deployments', name: 'web' };

export async function openRig() {
  const world = await openWorld(['web']);
  const fake = await startFake<KubernetesFakeSettings>('kubernetes');
  const caFile = join(world.home, 'cluster-ca.crt');
  writeFileSync(caFile, certificate);
  const clusterWith = (token: string, server = fake.url) =>
    openCluster(
      { server, caFile, timeout: 5_000, auth: { method: 'token' } },
      async () => new SecretMaterial({ token }, 'token'),
    );
  await fake.control('POST', '/rules', { token: 'bound', allowed: documentedRole() });
  const state = { cluster: clusterWith('bound'), now: undefined as number | undefined };
  const ports = {
    ledger: world.ledger,
    clusters: async () => state.cluster,
    now: () => state.now ?? Date.now(),
  };

  const rig = {
    world,
    fake,
    state,
    clusterWith,
    ports,
    workload,

    async declare(change: Partial<WorkloadPlace> = {}, consumer: Partial<EntryConsumer> = {}) {
      const { externalSecret: named, ...rest } = { ...place, ...change };
      // Given as undefined: the Secret is kept by nobody.
      const externalSecret =
        'externalSecret' in change && change.externalSecret === undefined ? {} : { externalSecret: named };
      const kubernetes = { ...rest, ...externalSecret } as WorkloadPlace;
      const web = {
        name: 'web',
        kind: 'service',
        demand: 'rolled-out',
        deadline: 60_000,
        without: 'hold',
        probe: undefined,
      };
      const entries = (await world.ledger.inventory()).entries.map((entry) => ({
        ...entry,
        consumers: [{ ...web, kubernetes, ...consumer } as EntryConsumer],
      }));
      await world.ledger.applyInventory({ teams: ['ml'], entries, targets: {}, actor: 'os:test' });
    },

    /** A fresh cluster: the workload runs with the Secret of before, which an ExternalSecret keeps. */
    async furnish({ spec = usesSecret, replicas = 3, refresh = {}, at = Date.now() - 600_000 } = {}) {
      await fake.control('POST', '/forget');
      await fake.control('POST', '/workloads', { ...workload, spec, replicas, at });
      const named = { namespace: 'team-a', name: 'support-bot' };
      await fake.control('POST', '/external-secrets', { ...named, spec: { refreshInterval: '1h0m0s', ...refresh } });
    },

    /** A rotation decides, and the backend that the ExternalSecret reads has the version. */
    async promote() {
      const { version, epoch, value } = await world.rotate();
      await rig.store({ version, epoch, value });
      return { version, epoch, value };
    },

    store: ({ version, epoch, value }: { version: string; epoch: number; value: string }) =>
      fake.control('POST', '/store', {
        namespace: 'team-a',
        name: 'support-bot',
        fields: { api_key: value, keybaton_version: version, keybaton_epoch: String(epoch) },
      }),

    pass: async () => bringOut(ports, await world.ledger.facts(credential), AbortSignal.timeout(20_000)),
    missing: async () => missingEvidence(await world.ledger.evidence(credential), await world.ledger.clock()),
    rollOut: (more: { upTo?: number; at?: number } = {}) => fake.control('POST', '/roll-out', { ...workload, ...more }),
    change: (spec: object) => fake.control('POST', '/change-workload', { ...workload, spec }),

    async cluster() {
      // The control port is ours: its answer has this shape.
      return (await fake.control('GET', '/cluster')) as {
        workloads: Record<string, FakeWorkload>;
        externalSecrets: Record<string, FakeExternalSecret>;
        pods: FakePod[];
        patches: { resource: string; name: string; body: unknown }[];
      };
    },

    async close() {
      await fake.stop();
      await world.close();
    },
  };
  return rig;
}

export type Rig = Awaited<ReturnType<typeof openRig>>;
