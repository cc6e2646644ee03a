import { z } from 'zod';
import { workloadKinds, type WorkloadKind, type WorkloadPlace } from '../domain/entry.ts';
import { parseAdminReference } from './admin-reference.ts';
import { secretReference } from './reference-schema.ts';
import { name, record } from './schema-parts.ts';

/** Where the kubelet puts what a pod may call the API with. */
const mounted = '/var/run/secrets/kubernetes.io/serviceaccount';

const file = z
  .string({ error: 'expected an absolute path' })
  .regex(/^\/[^\0\n]{1,1000}$/, { error: 'expected an absolute path' });

/** RFC 1123: a label, and a subdomain of several. */
const label = z
  .string({ error: 'expected the name of a namespace' })
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, { error: 'expected the name of a namespace' });
const objectName = z
  .string({ error: 'expected the name of an object in the cluster' })
  .max(253, { error: 'expected the name of an object in the cluster' })
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, {
    error: 'expected the name of an object in the cluster',
  });

/** A cluster in targets.yml, whose workloads consumers may be. Its address and credential are the platform team's. */
export const clusterSchema = record({
  server: z
    .url({ protocol: /^https$/, error: 'expected the https address of an API server' })
    .default('https://kubernetes.default.svc')
    .meta({ description: "the cluster's API; unsaid: the cluster that keybaton runs in" }),
  caFile: z
    .union([file, z.literal('none')], { error: 'expected an absolute path, or none' })
    .default(`${mounted}/ca.crt`)
    .meta({ description: "PEM file of the cluster's authority; none where a well-known one signed" }),
  tokenFile: file.optional().meta({ description: 'read anew for every call; unsaid: the token of our own pod' }),
  admin: secretReference('a token of the cluster', 'env:CLUSTER_TOKEN')
    .refine((text) => ['env', 'file'].includes(parseAdminReference(text)?.kind ?? 'env'), {
      error: 'expected env:NAME or file:/absolute/path',
    })
    .optional()
    .meta({ description: 'a token by reference, instead of tokenFile' }),
  environment: name.optional().meta({ description: 'only for credentials of this environment' }),
  namespaces: z
    .record(label, z.array(name, { error: 'expected the teams whose consumers may run there' }), {
      error: 'expected namespaces, each with the teams whose consumers may run there',
    })
    .meta({ description: 'where consumers may run, each with the teams that may name its workloads' }),
  timeout: z
    .int({ error: 'expected milliseconds' })
    .min(100, { error: 'expected 100 to 8000 milliseconds' })
    .max(8_000, { error: 'expected 100 to 8000 milliseconds' })
    .default(5_000)
    .meta({ description: 'milliseconds for one call' }),
}).refine((cluster) => cluster.tokenFile === undefined || cluster.admin === undefined, {
  error: 'a cluster has tokenFile or admin, not both',
  path: ['admin'],
});

export type ClusterPlace = z.output<typeof clusterSchema>;
export const ownTokenFile = `${mounted}/token`;

/** A consumer's `kubernetes` in inventory.yml: it names a cluster, and can set nothing of it. */
export const workloadSchema = record({
  cluster: name.meta({ description: 'a cluster named in targets.yml' }),
  namespace: label,
  workload: z
    .string({ error: `expected ${workloadKinds.join('/, ')}/ and a name, such as deployment/web` })
    .regex(new RegExp(`^(${workloadKinds.join('|')})/[a-z0-9][-a-z0-9.]{0,252}$`), {
      error: `expected ${workloadKinds.join('/, ')}/ and a name, such as deployment/web`,
    })
    .meta({ examples: ['deployment/web'] }),
  externalSecret: objectName.optional().meta({ description: 'the ExternalSecret that keeps its Secret' }),
  secret: objectName
    .optional()
    .meta({ description: 'the Secret its pods use; unsaid: it has the name of the ExternalSecret' }),
  restart: z
    .enum(['reloader', 'rollout', 'none'], { error: 'expected reloader, rollout or none' })
    .meta({ description: "who restarts its pods on a new version: Stakater's Reloader, keybaton, nobody" }),
}).refine((place) => place.secret !== undefined || place.externalSecret !== undefined, {
  error: 'expected externalSecret, secret, or both',
});

export function workloadPlace(written: z.output<typeof workloadSchema>): WorkloadPlace {
  const { cluster, namespace, externalSecret, restart } = written;
  const [kind = '', ...rest] = written.workload.split('/');
  return {
    cluster,
    namespace,
    // The schema lets no other kind through.
    workload: { kind: kind as WorkloadKind, name: rest.join('/') },
    ...(externalSecret !== undefined && { externalSecret }),
    secret: written.secret ?? externalSecret ?? '',
    restart,
  };
}
