/**
 * Workloads, pods and ExternalSecrets of the fake cluster. From
 * https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ (a change of the template is a roll-out; paused; status),
 * .../docs/reference/using-api/api-concepts/ (generation and observedGeneration, metadata alone, merge patches),
 * .../docs/concepts/overview/working-with-objects/{labels,field-selectors}/, and
 * https://external-secrets.io/latest/api/externalsecret/ (refreshPolicy, refreshInterval, a changed annotation syncs at once, not
 * with an interval of 0 and the default policy; CreatedOnce never), read 2026-11. Controllers work when a test says so.
 */
import { randomBytes } from 'node:crypto';

export type Texts = Readonly<Record<string, string>>;
type Json = Readonly<Record<string, unknown>>;

export interface FakeWorkload {
  readonly plural: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    resourceVersion: string;
    generation: number;
    annotations: Texts;
  };
  spec: {
    replicas: number;
    paused?: boolean;
    readonly selector: { readonly matchLabels: Texts };
    template: { metadata: { labels: Texts; annotations: Texts }; spec: Json };
  };
  status: Record<string, unknown>;
}

export interface FakePod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Texts;
    readonly annotations: Texts;
    readonly creationTimestamp: string;
    deletionTimestamp?: string;
  };
  readonly spec: Json;
  status: { phase: string };
  /** The template it was made from. */
  readonly of: { readonly workload: string; readonly generation: number };
}

export interface FakeExternalSecret {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    resourceVersion: string;
    annotations: Texts;
  };
  readonly spec: {
    readonly refreshPolicy?: string;
    readonly refreshInterval?: string;
    readonly target?: { readonly name?: string };
  };
  status: Json;
}

export const seconds = (at = Date.now()): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

/** RFC 7396. */
export function mergePatch(standing: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const before: Json = typeof standing === 'object' && standing !== null ? (standing as Json) : {};
  const after: Record<string, unknown> = { ...before };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete after[key];
    else after[key] = mergePatch(before[key], value);
  }
  return after;
}

/** What the controllers of a cluster do to these objects. */
export function workloadsOf(nextVersion: () => string) {
  const workloads = new Map<string, FakeWorkload>();
  const externalSecrets = new Map<string, FakeExternalSecret>();
  const pods: FakePod[] = [];
  const keyOf = (namespace: string, plural: string, name: string) => `${namespace}/${plural}/${name}`;

  function podOf(workload: FakeWorkload, at: number): FakePod {
    const { metadata, spec } = workload;
    return {
      metadata: {
        name: `${metadata.name}-${randomBytes(4).toString('hex')}`,
        namespace: metadata.namespace,
        labels: spec.template.metadata.labels,
        annotations: spec.template.metadata.annotations,
        creationTimestamp: seconds(at),
      },
      spec: spec.template.spec,
      status: { phase: 'Running' },
      of: { workload: keyOf(metadata.namespace, workload.plural, metadata.name), generation: metadata.generation },
    };
  }

  /** The controller replaces up to so many pods by new ones, and says how far it is. */
  function rollOut(namespace: string, plural: string, name: string, upTo = Infinity, at = Date.now()): void {
    const workload = workloads.get(keyOf(namespace, plural, name));
    if (workload === undefined) throw new Error(`no ${plural}/${name}`);
    const { generation } = workload.metadata;
    // A pod that is being ended is the controller's no more, and runs on until its grace has passed.
    const mine = () =>
      pods.filter(
        ({ of, metadata }) =>
          of.workload === keyOf(namespace, plural, name) && metadata.deletionTimestamp === undefined,
      );
    if (workload.spec.paused !== true) {
      const old = mine().filter(({ of }) => of.generation < generation);
      for (const pod of old.slice(0, upTo)) pods.splice(pods.indexOf(pod), 1);
      const room = Math.min(workload.spec.replicas - mine().length, upTo);
      for (let made = 0; made < room; made += 1) pods.push(podOf(workload, at));
    }
    const updated = mine().filter(({ of }) => of.generation === generation).length;
    const all = mine().length;
    workload.metadata.resourceVersion = nextVersion();
    workload.status =
      plural === 'daemonsets'
        ? {
            observedGeneration: generation,
            desiredNumberScheduled: workload.spec.replicas,
            currentNumberScheduled: all,
            updatedNumberScheduled: updated,
            numberAvailable: all,
            numberMisscheduled: 0,
            numberReady: all,
          }
        : { observedGeneration: generation, replicas: all, updatedReplicas: updated, availableReplicas: all };
  }

  return {
    workloads,
    externalSecrets,
    pods,
    keyOf,
    rollOut,

    add(namespace: string, plural: string, name: string, spec: Json, replicas: number, at: number): void {
      const labels = { app: name };
      workloads.set(keyOf(namespace, plural, name), {
        plural,
        metadata: { name, namespace, resourceVersion: nextVersion(), generation: 1, annotations: {} },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: { metadata: { labels, annotations: {} }, spec },
        },
        status: {},
      });
      rollOut(namespace, plural, name, Infinity, at);
    },

    /** A change of the spec counts the generation up; the controller has not seen it yet. */
    patch(workload: FakeWorkload, body: Json): void {
      const before = JSON.stringify(workload.spec);
      workload.spec = mergePatch(workload.spec, body['spec'] ?? {}) as FakeWorkload['spec'];
      const metadata = Object(body['metadata']) as { annotations?: Json };
      workload.metadata.annotations = mergePatch(workload.metadata.annotations, metadata.annotations ?? {}) as Texts;
      if (JSON.stringify(workload.spec) !== before) workload.metadata.generation += 1;
      workload.metadata.resourceVersion = nextVersion();
    },

    /** Does the operator read its store because this ExternalSecret has changed? */
    syncsWhenTold({ spec }: FakeExternalSecret): boolean {
      if (spec.refreshPolicy === 'CreatedOnce') return false;
      return spec.refreshPolicy === 'OnChange' || !/^0(s|h0m0s)?$/.test(spec.refreshInterval ?? '1h');
    },

    podsFor(namespace: string, labelSelector: string, fieldSelector: string): readonly FakePod[] {
      const wanted = labelSelector.split(',').map((part) => part.split('=') as [string, string]);
      const unwanted = fieldSelector.split(',').flatMap((part) => (part.includes('!=') ? [part.split('!=')[1]] : []));
      return pods.filter(
        ({ metadata, status }) =>
          metadata.namespace === namespace &&
          wanted.every(([key, value]) => metadata.labels[key] === value) &&
          !unwanted.includes(status.phase),
      );
    },
  };
}
