import type { CredentialId } from './identifiers.ts';

/** How strongly a consumer must show that it uses a version, weakest first. */
export const evidenceKinds = [
  'acknowledged',
  'observed-read',
  'rolled-out',
  'endpoint-reported',
  'possession',
] as const;
export type EvidenceKind = (typeof evidenceKinds)[number];

/** Is evidence of kind `shown` at least as strong as `demanded`? */
export function satisfies(shown: EvidenceKind, demanded: EvidenceKind): boolean {
  return evidenceKinds.indexOf(shown) >= evidenceKinds.indexOf(demanded);
}

export type Mode = 'observe' | 'ask' | 'automatic';
export type Tier = 'critical' | 'standard' | 'low';
export type EmergencyPolicy = 'revoke-first' | 'replace-first' | 'standby';

/**
 * One inventory entry, checked and with every default filled in: what should be. Durations are milliseconds.
 * Kept in the ledger as it was applied; `inventory/` makes it from YAML.
 */
export interface Entry {
  readonly id: CredentialId;
  readonly target: string;
  readonly team: string;
  readonly contact: string | undefined;
  readonly groups: readonly string[];
  readonly tier: Tier;
  readonly mode: Mode;
  readonly schedule: Schedule;
  readonly backends: readonly EntryBackend[];
  /** `none` needs a reason; an empty list is "cannot tell" and holds. */
  readonly consumers: readonly EntryConsumer[] | { readonly none: string };
  /** T of GATE 4: how long the old version must be silent. `no` carries the reason why silence is not asked for. */
  readonly silence: { readonly for: number } | { readonly no: string };
  /** S: suspended time before the revoke; without suspend, time since the last evidence. */
  readonly soak: number;
  readonly emergency: {
    readonly policy: EmergencyPolicy;
    /** replace-first: killed anyway this long after declaration. */ readonly bound: number;
  };
  readonly standby: boolean;
  readonly dependents: readonly CredentialId[];
  /** Entries that must not rotate while this one does. */
  readonly apartFrom: readonly CredentialId[];
  readonly movedFrom: CredentialId | undefined;
}

export interface Schedule {
  readonly every: number;
  /** Spread of the due date, so that many entries do not fall due at one instant. */
  readonly jitter: number;
  /** Starts are allowed only inside; minutes of the week in UTC, from < to. Empty: always. */
  readonly windows: readonly { readonly from: number; readonly to: number }[];
  /** No start while one of these lasts; epoch milliseconds, from < to. */
  readonly freezes?: readonly { readonly from: number; readonly to: number }[];
}

export interface EntryBackend {
  /** A name under `backends:` in targets.yml. */
  readonly backend: string;
  readonly path: string;
  readonly fields: Readonly<Record<string, string>> | undefined;
}

export interface EntryConsumer {
  readonly name: string;
  readonly kind: 'service' | 'job';
  readonly demand: EvidenceKind;
  /** Watched time after which people are told that proof is missing. */
  readonly deadline: number;
  /** What happens without proof at the deadline: hold (default), or hold and offer a roll-back. Never a kill. */
  readonly without: 'hold' | 'roll-back';
  /** Where to ask, for `endpoint-reported`: a probe named in targets.yml, never a URL of the inventory's own. */
  readonly probe: string | undefined;
  /** Who it is to the backend, for `observed-read`: `role:`, `service-account:` or `entity:` and its name there. */
  readonly reader?: string;
  /** Where it runs, for `rolled-out` and for being told of a new version. */
  readonly kubernetes?: WorkloadPlace;
}

export const workloadKinds = ['deployment', 'statefulset', 'daemonset'] as const;
export type WorkloadKind = (typeof workloadKinds)[number];

/** A consumer's workload in a cluster of targets.yml, and what gives it its Secret. */
export interface WorkloadPlace {
  readonly cluster: string;
  readonly namespace: string;
  readonly workload: { readonly kind: WorkloadKind; readonly name: string };
  /** The ExternalSecret that keeps its Secret; absent where the Secret itself is written by a backend. */
  readonly externalSecret?: string;
  /** The Secret that its pods use, with `keybaton_version` and `keybaton_epoch` beside the other keys. */
  readonly secret: string;
  /** Who restarts its pods on a new version: Stakater's Reloader, keybaton, or nobody. */
  readonly restart: 'reloader' | 'rollout' | 'none';
}

/** The consumer that keybaton itself is, of an admin credential that it rotates. */
export const ownConsumer = 'keybaton';

/** Does keybaton work with this credential itself, and prove it? */
export const worksWithIt = ({ consumers }: Pick<Entry, 'consumers'>): boolean =>
  !('none' in consumers) && consumers.some(({ name }) => name === ownConsumer);
