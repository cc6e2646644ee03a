import type { AppsV1Api, CoreV1Api, CustomObjectsApi } from '@kubernetes/client-node';
import type { WorkloadPlace } from '../domain/entry.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import {
  type Answered,
  type KubernetesCall,
  type KubernetesCalls,
  kubernetesCalls,
  type KubernetesServer,
} from '../outbound/kubernetes-api.ts';
import { type ExternalSecretSeen, externalSecretSeen } from './rollout-external-secret.ts';
import { marksIn, podSeen, secretSeen, workloadSeen } from './rollout-objects.ts';
import type { PodSeen, SecretSeen, WorkloadSeen } from './rollout.ts';

/**
 * What keybaton does in the cluster of a consumer: it reads the Secret's marks, the workload and its pods, and patches two
 * annotations. NOT_FOUND for what is not there, ACCESS_DENIED where the documented Role is not bound, CONFLICT when the
 * object was changed meanwhile, UNAVAILABLE, RATE_LIMITED.
 */
export interface Cluster {
  /** Undefined: there is no such Secret. */
  secret(place: WorkloadPlace, call: KubernetesCall): Promise<SecretSeen | undefined>;
  workload(place: WorkloadPlace, call: KubernetesCall): Promise<WorkloadSeen>;
  /** Those that have not ended; one that is about to end is among them. */
  pods(place: WorkloadPlace, workload: WorkloadSeen, call: KubernetesCall): Promise<readonly PodSeen[]>;
  externalSecret(place: WorkloadPlace, name: string, call: KubernetesCall): Promise<ExternalSecretSeen>;
  /** Another value than the one that stands there makes the operator read its store at once. */
  forceSync(place: WorkloadPlace, name: string, value: string, call: KubernetesCall): Promise<void>;
  /** Marks the template of its pods, which replaces them all. CONFLICT unless it is still the workload that was seen. */
  restart(
    place: WorkloadPlace,
    seen: Pick<WorkloadSeen, 'resourceVersion'>,
    marks: { readonly version: string; readonly epoch: number },
    call: KubernetesCall,
  ): Promise<void>;
}

interface Apis {
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly custom: CustomObjectsApi;
}

const merge = { 'content-type': 'application/merge-patch+json' };
/** Pods without what is in their spec: variables may be secrets of others. */
const metadataAlone = { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' };
const notEnded = 'status.phase!=Succeeded,status.phase!=Failed';
const externalSecrets = { group: 'external-secrets.io', version: 'v1', plural: 'externalsecrets' };

export function openCluster(server: KubernetesServer, admin: () => Promise<SecretMaterial>): Cluster {
  const calls: KubernetesCalls<Apis> = kubernetesCalls(server, admin, (client, configuration) => ({
    core: new client.CoreV1Api(configuration),
    apps: new client.AppsV1Api(configuration),
    custom: new client.CustomObjectsApi(configuration),
  }));

  return {
    async secret({ namespace, secret: name }, call) {
      const what = `read Secret ${namespace}/${name}`;
      const read = await calls.ask(call, { what, writes: false }, ({ core }, way) =>
        core.readNamespacedSecret({ namespace, name }, way),
      );
      if (read.kind === 'refused' && read.refusal.reason === 'NotFound') return undefined;
      return secretSeen(answer(read, what));
    },

    async workload({ namespace, workload: { kind, name } }, call) {
      const what = `read ${kind} ${namespace}/${name}`;
      const named = { namespace, name };
      return workloadSeen(
        answer(
          await calls.ask(call, { what, writes: false }, async ({ apps }, way) => {
            if (kind === 'deployment') return { kind, read: await apps.readNamespacedDeployment(named, way) };
            if (kind === 'statefulset') return { kind, read: await apps.readNamespacedStatefulSet(named, way) };
            return { kind, read: await apps.readNamespacedDaemonSet(named, way) };
          }),
          what,
        ),
      );
    },

    async pods({ namespace }, { selector }, call) {
      const what = `list pods of namespace ${namespace}`;
      const pods: PodSeen[] = [];
      for (let from: string | undefined; ;) {
        const page = { namespace, labelSelector: selector, fieldSelector: notEnded, limit: 250 };
        const asked = { ...page, ...(from !== undefined && { _continue: from }) };
        const { items, metadata } = answer(
          await calls.ask(call, { what, writes: false, headers: metadataAlone }, ({ core }, way) =>
            core.listNamespacedPod(asked, way),
          ),
          what,
        );
        pods.push(...items.map(podSeen));
        if (!metadata?._continue) return pods;
        from = metadata._continue;
      }
    },

    async externalSecret({ namespace }, name, call) {
      const what = `read ExternalSecret ${namespace}/${name}`;
      const read = await calls.ask(call, { what, writes: false }, async ({ custom }, way): Promise<unknown> =>
        custom.getNamespacedCustomObject({ ...externalSecrets, namespace, name }, way),
      );
      return externalSecretSeen(answer(read, what), what);
    },

    async forceSync({ namespace }, name, value, call) {
      const what = `annotate ExternalSecret ${namespace}/${name}`;
      const body = { metadata: { annotations: { 'force-sync': value } } };
      const patched = await calls.ask(
        call,
        { what, writes: true, headers: merge },
        async ({ custom }, way): Promise<unknown> =>
          custom.patchNamespacedCustomObject({ ...externalSecrets, namespace, name, body }, way),
      );
      answer(patched, what);
    },

    async restart({ namespace, workload: { kind, name } }, { resourceVersion }, marks, call) {
      const what = `annotate the pods of ${kind} ${namespace}/${name}`;
      const body = {
        metadata: { resourceVersion },
        spec: { template: { metadata: { annotations: marksIn(marks) } } },
      };
      const named = { namespace, name, body };
      const patched = await calls.ask(
        call,
        { what, writes: true, headers: merge },
        async ({ apps }, way): Promise<unknown> => {
          if (kind === 'deployment') return apps.patchNamespacedDeployment(named, way);
          if (kind === 'statefulset') return apps.patchNamespacedStatefulSet(named, way);
          return apps.patchNamespacedDaemonSet(named, way);
        },
      );
      answer(patched, what);
    },
  };
}

function answer<Answer>(answered: Answered<Answer>, what: string): Answer {
  if (answered.kind === 'answer') return answered.answer;
  const { reason } = answered.refusal;
  const said = `the cluster answered ${reason} to ${what}`;
  switch (reason) {
    case 'Unauthorized':
      throw new KeybatonError('ACCESS_DENIED', `${said}: the token is refused or has ended`);
    case 'Forbidden':
      throw new KeybatonError('ACCESS_DENIED', `${said}: bind the documented Role to our service account`);
    case 'NotFound':
      throw new KeybatonError('NOT_FOUND', `${said}: check cluster, namespace and name`);
    case 'Conflict':
      throw new KeybatonError('CONFLICT', `${said}: it was changed meanwhile`);
    case 'Invalid':
    case 'BadRequest':
      throw new KeybatonError('INVALID_CONFIG', `${said}: something in the cluster refuses the annotation`);
    default:
      throw new KeybatonError('UNAVAILABLE', said);
  }
}
