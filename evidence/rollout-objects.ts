import type {
  V1DaemonSet,
  V1Deployment,
  V1LabelSelector,
  V1ObjectMeta,
  V1PodTemplateSpec,
  V1Secret,
  V1StatefulSet,
} from '@kubernetes/client-node';
import { KeybatonError } from '../domain/errors.ts';
import type { Marks, PodSeen, SecretSeen, WorkloadSeen } from './rollout.ts';

/** What is taken from the objects of a cluster; everything else in them, values above all, is left there. */
const versionMark = 'keybaton_version';
const epochMark = 'keybaton_epoch';

export const marksIn = ({ version, epoch }: { readonly version: string; readonly epoch: number }) => ({
  [versionMark]: version,
  [epochMark]: String(epoch),
});

function marksOf(texts: Readonly<Record<string, string>> | undefined): Marks {
  const epoch = texts?.[epochMark];
  return {
    version: texts?.[versionMark],
    epoch: epoch !== undefined && /^[1-9]\d{0,14}$/.test(epoch) ? Number(epoch) : undefined,
  };
}

/** Of its data only the two marks are decoded. */
export function secretSeen({ data = {}, metadata }: V1Secret): SecretSeen {
  const texts = [versionMark, epochMark].flatMap((key) => {
    const text = data[key];
    return text === undefined ? [] : [[key, Buffer.from(text, 'base64').toString('utf8')]];
  });
  const owners = (metadata?.managedFields ?? []).filter(({ fieldsV1 }) => owns(fieldsV1, 'f:data', `f:${epochMark}`));
  const times = owners.map(({ time }) => time?.getTime()).filter((time) => time !== undefined);
  const changedAt = times.length < owners.length || times.length === 0 ? undefined : Math.max(...times);
  return { ...marksOf(Object.fromEntries(texts) as Record<string, string>), changedAt };
}

function owns(fields: unknown, ...path: readonly string[]): boolean {
  let at = fields;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false;
    // Looked at one step before.
    at = (at as Record<string, unknown>)[key];
  }
  return true;
}

export function podSeen({ metadata }: { readonly metadata?: V1ObjectMeta }): PodSeen {
  const createdAt = metadata?.creationTimestamp?.getTime();
  if (metadata?.name === undefined || createdAt === undefined)
    throw new KeybatonError('UNAVAILABLE', 'the cluster listed a pod without name or time');
  return { name: metadata.name, createdAt, ...marksOf(metadata.annotations) };
}

type Read =
  | { readonly kind: 'deployment'; readonly read: V1Deployment }
  | { readonly kind: 'statefulset'; readonly read: V1StatefulSet }
  | { readonly kind: 'daemonset'; readonly read: V1DaemonSet };

export function workloadSeen(workload: Read): WorkloadSeen {
  const { metadata, spec } = workload.read;
  const resourceVersion = metadata?.resourceVersion ?? '';
  if (spec === undefined || resourceVersion === '')
    throw new KeybatonError('UNAVAILABLE', 'the cluster answered a workload without spec or resourceVersion');
  return {
    resourceVersion,
    secrets: secretsOf(spec.template),
    template: marksOf(spec.template.metadata?.annotations),
    unsettled: unsettled(workload),
    selector: selectorText(spec.selector),
  };
}

/** As `kubectl rollout status` asks: the controller has seen the newest template, every pod is of it and available, none is left over. */
function unsettled(workload: Read): string | undefined {
  const { metadata, status } = workload.read;
  if (workload.kind === 'deployment' && workload.read.spec?.paused === true) return 'its roll-out is paused';
  if (status === undefined || (status.observedGeneration ?? 0) < (metadata?.generation ?? 0))
    return 'its controller has not taken up its newest template yet';
  const { desired, all, updated, available } = counts(workload);
  const stuck =
    workload.kind === 'deployment' &&
    workload.read.status?.conditions?.some(
      ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
    ) === true;
  const left = stuck ? ', and its roll-out makes no progress: look at its new pods' : '';
  if (updated < desired) return `${String(updated)} of ${String(desired)} pods are of its newest template${left}`;
  if (all > updated) return `${String(all - updated)} pods of an older template are left${left}`;
  if (available < desired) return `${String(available)} of ${String(desired)} pods are available${left}`;
  return undefined;
}

function counts(workload: Read): { desired: number; all: number; updated: number; available: number } {
  if (workload.kind === 'daemonset') {
    const { desiredNumberScheduled, currentNumberScheduled, updatedNumberScheduled, numberAvailable } = workload.read
      .status ?? { desiredNumberScheduled: 0, currentNumberScheduled: 0 };
    const updated = updatedNumberScheduled ?? 0;
    return { desired: desiredNumberScheduled, all: currentNumberScheduled, updated, available: numberAvailable ?? 0 };
  }
  const { spec, status } = workload.read;
  const available = status?.availableReplicas ?? 0;
  return { desired: spec?.replicas ?? 1, all: status?.replicas ?? 0, updated: status?.updatedReplicas ?? 0, available };
}

/** Every way in which a pod gets a Secret from its template. */
function secretsOf({ spec }: V1PodTemplateSpec): readonly string[] {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const names = [
    ...containers.flatMap(({ env = [] }) => env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name)),
    ...containers.flatMap(({ envFrom = [] }) => envFrom.map(({ secretRef }) => secretRef?.name)),
    ...(spec?.volumes ?? []).map(({ secret }) => secret?.secretName),
    ...(spec?.volumes ?? []).flatMap(({ projected }) => (projected?.sources ?? []).map(({ secret }) => secret?.name)),
  ];
  return [...new Set(names.filter((name) => name !== undefined))];
}

function selectorText({ matchLabels = {}, matchExpressions = [] }: V1LabelSelector): string {
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  const text = [...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`), ...expressions].join(',');
  // Without one every pod of the namespace would be asked for.
  if (text === '') throw new KeybatonError('UNAVAILABLE', 'the cluster answered a workload that selects no pods');
  return text;
}
