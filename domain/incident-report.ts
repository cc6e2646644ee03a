import type { CredentialId, VersionId } from './identifiers.ts';
import { moments, shares, type Moment, type ScopeFinding } from './incident.ts';
import { followUps, type FollowUp } from './incident-follow-ups.ts';

/** What a report is made of, gathered from the ledger. Times are epoch milliseconds. */
export interface ReportInput {
  readonly incident: string;
  readonly declaredAt: number;
  readonly who: string;
  readonly why: string;
  readonly scope: string;
  readonly drill: boolean;
  readonly closed: { readonly at: number; readonly by: string } | undefined;
  /** When the report is made. */
  readonly at: number;
  /** The clock as a whole, milliseconds. */
  readonly clock: number;
  readonly reached: Readonly<Partial<Record<Moment, number>>>;
  readonly keys: readonly ReportKey[];
  readonly credentials: readonly ReportCredential[];
  readonly events: readonly ReportEvent[];
  readonly findings: readonly ScopeFinding[];
  readonly checkpoint: ReportCheckpoint | undefined;
}

export interface ReportKey {
  readonly credential: CredentialId;
  readonly version: VersionId;
  /** The provider's own names of it. */
  readonly keyIds: readonly string[];
  readonly madeAt: number | undefined;
  readonly containedAt: number | undefined;
  readonly dead: { readonly at: number; readonly grade: 'refused' | 'absent' } | undefined;
  readonly onlyByHand: boolean;
}

/** How one credential came through it. */
export interface ReportCredential {
  readonly credential: CredentialId;
  readonly team: string | undefined;
  /** Undefined: not replaced. */
  readonly replacedBy: VersionId | undefined;
  readonly consumers: readonly ReportConsumer[];
  /** What consumers still owe, or what stands in the way of a replacement. */
  readonly missing: readonly string[];
}

export interface ReportConsumer {
  readonly consumer: string;
  readonly demand: string;
  /** The strongest it has shown of the replacement, and when. */
  readonly shown: { readonly kind: string; readonly at: number; readonly instances: number } | undefined;
}

export interface ReportEvent {
  readonly at: number;
  readonly what: string;
  readonly who: string;
}

/** Where the chain of the ledger's events stood: whoever has an earlier or later one can check that nothing was changed. */
export interface ReportCheckpoint {
  readonly n: number;
  readonly hash: string;
  /** Events at which the chain does not hold. */
  readonly broken: number;
}

/** Plain JSON; fields are only ever added under this format. */
export interface IncidentReport {
  readonly format: 'keybaton.incident-report.1';
  readonly incident: string;
  readonly drill: boolean;
  readonly declared: { readonly at: number; readonly who: string; readonly why: string; readonly scope: string };
  readonly closed: { readonly at: number; readonly by: string } | null;
  readonly writtenAt: number;
  readonly clockSeconds: number;
  readonly intervals: readonly ReportInterval[];
  readonly keys: {
    readonly all: number;
    readonly contained: number;
    readonly refused: number;
    /** Dead by absence alone: nobody has seen the value refused. */
    readonly absent: number;
    readonly notContained: readonly ReportKey[];
    readonly notDead: readonly ReportKey[];
    /** From when the first key was made to when the last one was dead; `null` while one lives. */
    readonly exposed: { readonly from: number | null; readonly to: number | null };
  };
  readonly credentials: {
    readonly all: number;
    readonly replaced: number;
    readonly notReplaced: readonly ReportCredential[];
    readonly notConfirmed: readonly ReportCredential[];
    readonly evidence: readonly ReportCredential[];
  };
  readonly scope: {
    readonly verdicts: Readonly<Record<ScopeFinding['verdict'], number>>;
    readonly findings: readonly ScopeFinding[];
    readonly more: number;
    /** Keys nobody has looked up. */
    readonly notLookedUp: number;
  };
  readonly timeline: readonly ReportEvent[];
  readonly followUps: readonly FollowUp[];
  readonly checkpoint: ReportCheckpoint | null;
}

export interface ReportInterval {
  readonly moment: Moment;
  readonly plannedSeconds: number;
  /** Seconds from the declaration; `null`: not reached when the report was made. */
  readonly tookSeconds: number | null;
  readonly late: boolean;
}

/** Lines of one list: an incident may have thousands of keys, and what is through is told by its number. */
const longest = 500;

/** Pure: the same facts make the same report. */
export function incidentReport(input: ReportInput): IncidentReport {
  const { keys, credentials, findings, declaredAt, clock } = input;
  const dead = keys.filter((key) => key.dead !== undefined);
  const looked = new Set(findings.map(({ version }) => version));
  const intervals = moments
    .filter((moment) => moment !== 'declared')
    .map((moment): ReportInterval => {
      const at = input.reached[moment];
      const planned = shares[moment] * clock;
      return {
        moment,
        plannedSeconds: seconds(planned),
        tookSeconds: at === undefined ? null : seconds(Math.max(0, at - declaredAt)),
        late: (at ?? input.at) - declaredAt > planned,
      };
    });
  const notReplaced = credentials.filter(({ replacedBy }) => replacedBy === undefined);
  const notConfirmed = credentials.filter((one) => one.replacedBy !== undefined && one.missing.length > 0);
  const report: Omit<IncidentReport, 'followUps'> = {
    format: 'keybaton.incident-report.1',
    incident: input.incident,
    drill: input.drill,
    declared: { at: declaredAt, who: input.who, why: input.why, scope: input.scope },
    closed: input.closed ?? null,
    writtenAt: input.at,
    clockSeconds: seconds(clock),
    intervals,
    keys: {
      all: keys.length,
      contained: keys.filter(({ containedAt }) => containedAt !== undefined).length,
      refused: dead.filter((key) => key.dead?.grade === 'refused').length,
      absent: dead.filter((key) => key.dead?.grade === 'absent').length,
      notContained: keys.filter((key) => key.containedAt === undefined && key.dead === undefined).slice(0, longest),
      notDead: keys.filter((key) => key.dead === undefined).slice(0, longest),
      exposed: {
        from: leastOf(keys.flatMap(({ madeAt }) => madeAt ?? [])),
        to: dead.length === keys.length && keys.length > 0 ? Math.max(...dead.map((key) => key.dead?.at ?? 0)) : null,
      },
    },
    credentials: {
      all: credentials.length,
      replaced: credentials.length - notReplaced.length,
      notReplaced: notReplaced.slice(0, longest),
      notConfirmed: notConfirmed.slice(0, longest),
      evidence: credentials.filter(({ consumers }) => consumers.length > 0).slice(0, longest),
    },
    scope: {
      verdicts: countOf(findings),
      findings: findings.toSorted(byWeight).slice(0, longest),
      more: Math.max(0, findings.length - longest),
      notLookedUp: keys.filter(({ version }) => !looked.has(version)).length,
    },
    timeline: input.events.toSorted((one, other) => one.at - other.at),
    checkpoint: input.checkpoint ?? null,
  };
  return { ...report, followUps: followUps(report) };
}

const seconds = (milliseconds: number): number => Math.round(milliseconds / 100) / 10;
const leastOf = (times: readonly number[]): number | null =>
  times.length === 0 ? null : times.reduce((least, at) => Math.min(least, at));

const weights: Readonly<Record<ScopeFinding['verdict'], number>> = {
  used: 0,
  read: 1,
  'cannot tell': 2,
  'none seen': 3,
};

/** What was used, then read, then what nobody can tell. */
const byWeight = (one: ScopeFinding, other: ScopeFinding): number => weights[one.verdict] - weights[other.verdict];

function countOf(findings: readonly ScopeFinding[]): Record<ScopeFinding['verdict'], number> {
  const verdicts = { used: 0, read: 0, 'cannot tell': 0, 'none seen': 0 };
  for (const { verdict } of findings) verdicts[verdict] += 1;
  return verdicts;
}
