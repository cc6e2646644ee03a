import { dueReason } from '../../domain/due.ts';
import type { Mode, Tier } from '../../domain/entry.ts';
import type { CredentialFacts, VersionFacts } from '../../domain/facts.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { Alarm } from '../../ledger/ledger.ts';

/** One credential at a glance. Times are epoch milliseconds; `null` where there is nothing. Plain JSON, a stable shape. */
export interface CredentialSummary {
  readonly id: CredentialId;
  readonly status: CredentialFacts['status'];
  readonly team: string;
  readonly target: string;
  readonly tier: Tier;
  readonly mode: Mode;
  readonly current: {
    readonly version: VersionId;
    readonly epoch: number;
    readonly since: number;
    readonly expiresAt: number | null;
  } | null;
  readonly due: {
    readonly at: number | null;
    readonly why: string | null;
    readonly lastRotatedAt: number | null;
    readonly failedAttempts: number;
    readonly nextAttemptAt: number | null;
  };
  /** A run has started and not ended. */
  readonly rotating: boolean;
  readonly paused: boolean;
  readonly frozen: boolean;
  /** Doomed versions that are not proved dead. */
  readonly debts: readonly VersionId[];
  readonly compromised: readonly VersionId[];
  /** Only a person can kill these. */
  readonly onlyByHand: readonly VersionId[];
  readonly alarms: readonly {
    readonly key: string;
    readonly text: string;
    readonly page: boolean;
    readonly raisedAt: number;
  }[];
}

export function summaryOf(facts: CredentialFacts, alarms: readonly Alarm[]): CredentialSummary {
  const newest = facts.epochs[0];
  const current = newest === undefined ? undefined : facts.versions.find(({ id }) => id === newest.version);
  const ids = (which: (version: VersionFacts) => boolean): readonly VersionId[] =>
    facts.versions.filter(which).map(({ id }) => id);
  const alive = (version: VersionFacts): boolean => version.dead === undefined && version.fate !== 'released';
  return {
    id: facts.id,
    status: facts.status,
    team: facts.entry.team,
    target: facts.entry.target,
    tier: facts.entry.tier,
    mode: facts.observeOnly ? 'observe' : facts.entry.mode,
    current:
      newest === undefined
        ? null
        : {
            version: newest.version,
            epoch: newest.epoch,
            since: newest.decidedAt,
            expiresAt: current?.expiresAt ?? null,
          },
    due: {
      at: facts.due.at ?? null,
      why: dueReason(facts)?.why ?? null,
      lastRotatedAt: facts.due.lastRotatedAt ?? null,
      failedAttempts: facts.due.failedAttempts,
      nextAttemptAt: facts.due.nextAttemptAt ?? null,
    },
    rotating: facts.openRun !== undefined,
    paused: facts.requests.some(({ kind }) => kind === 'pause'),
    frozen: facts.requests.some(({ kind }) => kind === 'freeze'),
    debts: ids((version) => version.fate === 'doomed' && alive(version)),
    compromised: ids((version) => version.compromised && alive(version)),
    onlyByHand: ids((version) => version.onlyByHand && alive(version)),
    alarms: alarms
      .filter(({ credential }) => credential === facts.id)
      .map(({ key, text, page, raisedAt }) => ({ key, text, page, raisedAt })),
  };
}
