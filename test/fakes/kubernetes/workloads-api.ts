import type { FakeAnswer, FakeRequest } from '../fake-server.ts';
import type { Asked } from './roles.ts';
import { type FakeExternalSecret, mergePatch, type Texts, workloadsOf } from './workloads.ts';

export interface WorkloadsApiOptions {
  readonly nextVersion: () => string;
  readonly no: (code: number, reason: string, message: string, kind: string) => FakeAnswer;
  readonly now: () => number;
  /** Does the operator of ExternalSecrets run? */
  readonly operatorRuns: () => boolean;
  /** Writes a Secret as the operator does. */
  readonly keepSecret: (namespace: string, name: string, fields: Texts) => void;
}

export const kinds: Readonly<Record<string, string>> = {
  deployments: 'Deployment',
  statefulsets: 'StatefulSet',
  daemonsets: 'DaemonSet',
};

/** The part of the API that serves workloads, pods and ExternalSecrets, once the caller's right was checked. */
export function workloadsApi({ nextVersion, no, now, operatorRuns, keepSecret }: WorkloadsApiOptions) {
  const cluster = workloadsOf(nextVersion);
  const { workloads, externalSecrets, pods, keyOf } = cluster;
  /** What lies in the store that each ExternalSecret reads. */
  const stores = new Map<string, Texts>();
  const patches: { readonly resource: string; readonly name: string; readonly body: unknown }[] = [];
  const absent = ({ resource, name = '' }: Asked) => no(404, 'NotFound', `${resource} "${name}" not found`, resource);

  function sync(namespace: string, name: string): void {
    const found = externalSecrets.get(`${namespace}/${name}`);
    const stored = stores.get(`${namespace}/${name}`);
    if (found === undefined || stored === undefined) return;
    keepSecret(namespace, found.spec.target?.name ?? name, stored);
    found.status = { conditions: [{ type: 'Ready', status: 'True', reason: 'SecretSynced' }] };
  }

  /** Another resourceVersion than the one standing, where the patch names one. */
  const stale = (body: unknown, standing: string): FakeAnswer | undefined => {
    const { resourceVersion } = Object(Object(body).metadata) as { resourceVersion?: string };
    return resourceVersion === undefined || resourceVersion === standing
      ? undefined
      : no(409, 'Conflict', 'the object has been modified; please apply your changes to the latest version', '');
  };

  function patchExternalSecret(found: FakeExternalSecret, body: unknown): FakeAnswer {
    const { namespace, name } = found.metadata;
    const given = Object(Object(body).metadata) as { annotations?: object };
    const before = JSON.stringify(found.metadata.annotations);
    found.metadata.annotations = mergePatch(found.metadata.annotations, given.annotations ?? {}) as Texts;
    found.metadata.resourceVersion = nextVersion();
    const changed = JSON.stringify(found.metadata.annotations) !== before;
    if (changed && operatorRuns() && cluster.syncsWhenTold(found)) sync(namespace, name);
    return { status: 200, body: externalSecret(found) };
  }

  function perform(request: FakeRequest, asked: Asked): FakeAnswer {
    const { verb, resource, namespace, name = '' } = asked;
    if (verb === 'patch' && request.headers['content-type'] !== 'application/merge-patch+json')
      return no(415, 'UnsupportedMediaType', 'this fake takes merge patches alone', resource);
    if (verb === 'patch') patches.push({ resource, name, body: request.body });
    if (resource === 'pods' && verb === 'list') return listPods(request, namespace);
    if (resource === 'externalsecrets') {
      const found = externalSecrets.get(`${namespace}/${name}`);
      if (found === undefined) return absent(asked);
      if (verb === 'get') return { status: 200, body: externalSecret(found) };
      if (verb === 'patch') return patchExternalSecret(found, request.body);
    }
    const found = workloads.get(keyOf(namespace, resource, name));
    if (found === undefined) return absent(asked);
    if (verb === 'patch') {
      const moved = stale(request.body, found.metadata.resourceVersion);
      if (moved !== undefined) return moved;
      cluster.patch(found, Object(request.body) as Readonly<Record<string, unknown>>);
    } else if (verb !== 'get') return no(405, 'MethodNotAllowed', verb, resource);
    const { plural, ...shown } = found;
    return { status: 200, body: { apiVersion: 'apps/v1', kind: kinds[plural], ...shown } };
  }

  function listPods({ query, headers }: FakeRequest, namespace: string): FakeAnswer {
    const found = cluster.podsFor(namespace, query.get('labelSelector') ?? '', query.get('fieldSelector') ?? '');
    const start = Number(query.get('continue') ?? 0);
    const size = Number(query.get('limit') ?? 0) || found.length;
    const rest = start + size < found.length ? { continue: String(start + size) } : {};
    const partial = /as=PartialObjectMetadataList/.test(headers.accept ?? '');
    const items = found
      .slice(start, start + size)
      .map(({ metadata, spec, status }) => (partial ? { metadata } : { metadata, spec, status }));
    return {
      status: 200,
      body: { kind: partial ? 'PartialObjectMetadataList' : 'PodList', apiVersion: 'v1', metadata: rest, items },
    };
  }

  const externalSecret = (found: FakeExternalSecret) => ({
    apiVersion: 'external-secrets.io/v1',
    kind: 'ExternalSecret',
    ...found,
  });

  /** Verbs of the operator of the fake: what people and controllers do. */
  const control: Readonly<Record<string, (body: never) => unknown>> = {
    'POST /workloads': (body: {
      namespace: string;
      plural: string;
      name: string;
      spec: Readonly<Record<string, unknown>>;
      replicas: number;
      at?: number;
    }) => (cluster.add(body.namespace, body.plural, body.name, body.spec, body.replicas, body.at ?? now()), {}),
    'POST /roll-out': (body: { namespace: string; plural: string; name: string; upTo?: number; at?: number }) => (
      cluster.rollOut(body.namespace, body.plural, body.name, body.upTo, body.at ?? now()),
      {}
    ),
    /** Somebody else with rights of their own: `spec` is merged into the workload's. */
    'POST /change-workload': (body: { namespace: string; plural: string; name: string; spec: object }) => {
      const found = workloads.get(keyOf(body.namespace, body.plural, body.name));
      if (found !== undefined) cluster.patch(found, { spec: body.spec });
      return {};
    },
    'POST /pods': (body: { name: string; phase?: string; leaving?: boolean }) => {
      const pod = pods.find(({ metadata }) => metadata.name === body.name);
      if (pod !== undefined && body.phase !== undefined) pod.status.phase = body.phase;
      if (pod !== undefined && body.leaving === true) pod.metadata.deletionTimestamp = new Date(now()).toISOString();
      return {};
    },
    'POST /external-secrets': (body: { namespace: string; name: string; spec: FakeExternalSecret['spec'] }) => {
      const { namespace, name, spec } = body;
      const metadata = { name, namespace, resourceVersion: nextVersion(), annotations: {} };
      externalSecrets.set(`${namespace}/${name}`, { metadata, spec, status: {} });
      return {};
    },
    'POST /store': (body: { namespace: string; name: string; fields: Texts }) => {
      stores.set(`${body.namespace}/${body.name}`, body.fields);
      return {};
    },
    'POST /sync': (body: { namespace: string; name: string }) => (sync(body.namespace, body.name), {}),
    'GET /cluster': () => ({
      workloads: Object.fromEntries(workloads),
      externalSecrets: Object.fromEntries(externalSecrets),
      pods,
      patches,
    }),
    'POST /forget': () => {
      workloads.clear();
      externalSecrets.clear();
      stores.clear();
      pods.splice(0);
      patches.splice(0);
      return {};
    },
  };

  // The control port is ours: each verb gets what is written beside it.
  return { perform, control: control as Readonly<Record<string, (body: unknown) => unknown>> };
}
