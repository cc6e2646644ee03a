import type { WorkloadPlace } from '../domain/entry.ts';
import type { VersionId } from '../domain/identifiers.ts';

/**
 * `rolled-out` evidence: every pod of a workload came to be after its Secret showed the version of this epoch. The Secret and
 * the pods say so by `keybaton_version` and `keybaton_epoch`; values, and hashes of values, are never compared. It says
 * what the platform runs, not that the version was used.
 */
export interface Marks {
  readonly version: string | undefined;
  readonly epoch: number | undefined;
}

export interface SecretSeen extends Marks {
  /** When whoever keeps its marks last changed it, by the cluster's clock: epoch milliseconds, of whole seconds. */
  readonly changedAt: number | undefined;
}

export interface WorkloadSeen {
  readonly resourceVersion: string;
  /** Names of the Secrets that its pods use, as variables or as files. */
  readonly secrets: readonly string[];
  /** What its pods' template is marked with. */
  readonly template: Marks;
  /** What stands between it and the newest template in every one of its pods; undefined: nothing. */
  readonly unsettled: string | undefined;
  /** Finds its pods. */
  readonly selector: string;
}

/** One pod that has not ended. */
export interface PodSeen extends Marks {
  readonly name: string;
  /** By the cluster's clock: epoch milliseconds, of whole seconds. */
  readonly createdAt: number;
}

export interface RolloutSeen {
  readonly place: WorkloadPlace;
  readonly secret: SecretSeen | undefined;
  readonly workload: WorkloadSeen;
  readonly pods: readonly PodSeen[];
  readonly now: number;
}

export type RolloutShown =
  { readonly kind: 'shown'; readonly pods: number } | { readonly kind: 'not yet'; readonly why: string };

interface Wanted {
  readonly version: VersionId;
  readonly epoch: number;
}

/**
 * Milliseconds. The cluster's times are whole seconds: a pod of the very second in which the Secret changed is taken for a
 * later one when Reloader has had this long to restart an earlier one.
 */
const reloaded = 30_000;

/** Why the Secret does not show this version under this epoch; undefined when it does. */
export function secretMiss(
  { namespace, secret: name }: WorkloadPlace,
  secret: SecretSeen | undefined,
  wanted: Wanted,
): string | undefined {
  const what = `Secret ${namespace}/${name}`;
  if (secret === undefined) return `${what} does not exist`;
  if (secret.version === undefined || secret.epoch === undefined)
    return `${what} lacks keybaton_version or keybaton_epoch: let them be copied with the other keys`;
  if (marked(secret, wanted)) return undefined;
  return `${what} shows epoch ${String(secret.epoch)}, and ${String(wanted.epoch)} is the newest`;
}

/** Does every pod run with what the Secret shows under this epoch? Pure; what cannot be told is "not yet". */
export function judgeRollout({ place, secret, workload, pods, now }: RolloutSeen, wanted: Wanted): RolloutShown {
  const what = describe(place);
  const notYet = (why: string): RolloutShown => ({ kind: 'not yet', why });
  const miss = secretMiss(place, secret, wanted);
  if (miss !== undefined) return notYet(miss);
  if (!workload.secrets.includes(place.secret)) return notYet(`${what} does not use Secret ${place.secret}`);
  if (workload.unsettled !== undefined) return notYet(`${what}: ${workload.unsettled}`);
  if (pods.length === 0) return notYet(`${what} has no pod`);
  const older =
    place.restart === 'rollout'
      ? pods.filter((pod) => !marked(pod, wanted))
      : pods.filter((pod) => !bornAfter(pod, secret?.changedAt, now));
  if (older.length === 0) return { kind: 'shown', pods: pods.length };
  const names = older.slice(0, 3).map(({ name }) => name);
  return notYet(
    `${what}: ${String(older.length)} of ${String(pods.length)} pods are not known to be newer than the Secret's change (${names.join(', ')}${older.length > 3 ? ', ...' : ''})`,
  );
}

export const describe = ({ namespace, workload }: WorkloadPlace): string =>
  `${workload.kind} ${namespace}/${workload.name}`;

export const marked = (marks: Marks, { version, epoch }: Wanted): boolean =>
  marks.version === version && marks.epoch === epoch;

function bornAfter({ createdAt }: PodSeen, changedAt: number | undefined, now: number): boolean {
  if (changedAt === undefined || createdAt < changedAt) return false;
  return createdAt > changedAt || now >= changedAt + reloaded;
}
