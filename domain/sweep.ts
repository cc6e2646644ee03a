import { inSchedule, minuteOfWeek } from './due.ts';
import { toldBefore } from './expiry.ts';
import type { Mode, Schedule } from './entry.ts';
import type { CredentialId } from './identifiers.ts';
import type { Outcome, Pace } from './rotation.ts';
import type { Tally } from './sweep-tally.ts';

/**
 * What a sweep looks at: one credential as a few columns, so that a hundred thousand of them cost neither time nor
 * memory. Times are the ledger's clock, epoch milliseconds.
 */
export interface SweepCandidate {
  readonly id: CredentialId;
  readonly status: 'managed' | 'retiring' | 'released';
  readonly target: string;
  readonly mode: Mode;
  readonly schedule: Schedule;
  /** The newest epoch; 0: nothing was ever promoted. */
  readonly epoch: number;
  /** When the schedule asks or asked; a failed attempt leaves it as it is. Undefined: at once. */
  readonly dueAt: number | undefined;
  readonly lastRotatedAt: number | undefined;
  /** The version that honoured the last due date is compromised. */
  readonly reopened: boolean;
  readonly failedAttempts: number;
  readonly nextAttemptAt: number | undefined;
  readonly openRun: { readonly run: string; readonly startedAt: number } | undefined;
  readonly lastRun:
    { readonly reason: string; readonly outcome: Outcome | undefined; readonly endedAt: number } | undefined;
  /** Kinds of open requests, freezes of everything among them. */
  readonly requests: readonly ('pause' | 'freeze' | 'rollBack' | 'release' | 'rotate')[];
  /** Versions that leaked and are neither dead nor given up. */
  readonly compromised: number;
  /** Versions to be killed that no workflow of their own settles. */
  readonly doomed: number;
  /** Versions that may still live, whatever they are for. */
  readonly alive: number;
  /** When the provider ends the current version by itself, if it does. */
  readonly endsAt: number | undefined;
  /** Undefined: the entry wants no spare version. */
  readonly standby: { readonly ready: number; readonly verifiedAt: number | undefined } | undefined;
  /** Entries that must not rotate while this one does, whichever names the other. */
  readonly mates: readonly {
    readonly id: CredentialId;
    readonly lastRotatedAt: number | undefined;
    readonly running: boolean;
  }[];
}

/** `urgent`: something leaked. `asked`: a person did. `owed`: what was begun is to be ended. `scheduled`: nobody waits for it. */
export type Urgency = 'urgent' | 'asked' | 'owed' | 'scheduled';

/** Why a rotation is started: the name of the first check that holds, which becomes the run's reason. */
export interface SweepReason {
  readonly check: string;
  readonly urgency: Urgency;
  readonly why: string;
}

/** How a sweep behaves; all in its input, so that tests make it small. Milliseconds and counts. */
export interface SweepLimits {
  /** Starts at one target per sweep; what leaked is not counted. */
  readonly startsPerTarget: number;
  readonly starts: number;
  /** Starts and questions at the same time. */
  readonly atOnce: number;
  /** Credentials read from the ledger at a time. */
  readonly page: number;
  /** Runs that are open in the ledger and are looked for in Temporal, per sweep. */
  readonly runs: number;
  /** A run this young may not have reached Temporal's records. */
  readonly runSettles: number;
  /** Credentials whose backends are compared with the ledger, per sweep. */
  readonly drift: number;
  /** A start that came to nothing is tried again after this long. */
  readonly fruitless: number;
  /** What `observe` would have found is told again after this long. */
  readonly observeAgain: number;
  /** A spare version is used harmlessly this often, to see that it would work. */
  readonly standbyCheck: number;
  /** Pair mates without windows rotate at least this far apart. */
  readonly matesApart: number;
  /** How often the live keys of one target are compared with the ledger. */
  readonly reconcile: number;
  /** A key of ours that is not listed is missed once it was not for this long: twice, that is. */
  readonly missedFor: number;
  /** Targets compared per sweep. */
  readonly targets: number;
  /** An alarm that stands is told again after these; the last one again and again. */
  readonly reminders: readonly number[];
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export const defaultLimits: SweepLimits = {
  startsPerTarget: 5,
  starts: 200,
  atOnce: 10,
  page: 200,
  runs: 500,
  runSettles: minute,
  drift: 50,
  fruitless: hour,
  observeAgain: day,
  standbyCheck: day,
  matesApart: day,
  reconcile: hour,
  missedFor: minute / 2,
  targets: 2,
  reminders: [hour, 4 * hour, day],
};

type Check = (one: SweepCandidate, now: number, limits: SweepLimits) => string | undefined;

const managed = (one: SweepCandidate): boolean => one.status === 'managed';
const scheduleAsks = (one: SweepCandidate, now: number): boolean =>
  managed(one) && (one.epoch === 0 || (one.dueAt !== undefined && one.dueAt <= now));

const compromisedAlive: Check = (one) => (one.compromised > 0 ? 'a version that leaked is not dead' : undefined);

const compromisedReplacement: Check = (one) =>
  managed(one) && one.reopened ? 'the version that honoured the last due date is compromised' : undefined;

const rotationRequested: Check = (one) =>
  managed(one) && one.requests.includes('rotate') ? 'a request to rotate is open' : undefined;

const rollBackRequested: Check = (one) =>
  managed(one) && one.requests.includes('rollBack') ? 'a request to roll back is open' : undefined;

const doomedAlive: Check = (one) => {
  if (one.doomed > 0) return 'a version that must die is not proved dead';
  return one.status === 'retiring' && one.alive > 0 ? 'a version of a retiring entry may live' : undefined;
};

const previousAttemptFailed: Check = (one, now) =>
  one.failedAttempts > 0 && scheduleAsks(one, now) ? `attempt ${one.failedAttempts + 1}` : undefined;

const neverRotated: Check = (one) => (managed(one) && one.epoch === 0 ? 'no version was ever promoted' : undefined);

const maximumAgeReached: Check = (one, now) => (scheduleAsks(one, now) ? 'the schedule asks for it' : undefined);

const wantsSpare = (one: SweepCandidate): boolean =>
  managed(one) && one.mode !== 'observe' && one.epoch > 0 && one.standby !== undefined;

const standbyMissing: Check = (one) =>
  wantsSpare(one) && one.standby?.ready === 0 ? 'no spare version stands ready' : undefined;

const standbyCheck: Check = (one, now, limits) =>
  wantsSpare(one) && (one.standby?.verifiedAt ?? 0) <= now - limits.standbyCheck
    ? 'its spare version has not been tried for long'
    : undefined;

const checks: readonly (readonly [name: string, urgency: Urgency, check: Check])[] = [
  ['compromisedAlive', 'urgent', compromisedAlive],
  ['compromisedReplacement', 'urgent', compromisedReplacement],
  ['rotationRequested', 'asked', rotationRequested],
  ['rollBackRequested', 'asked', rollBackRequested],
  ['doomedAlive', 'owed', doomedAlive],
  ['previousAttemptFailed', 'scheduled', previousAttemptFailed],
  ['neverRotated', 'scheduled', neverRotated],
  ['maximumAgeReached', 'scheduled', maximumAgeReached],
  ['standbyMissing', 'scheduled', standbyMissing],
  ['standbyCheck', 'scheduled', standbyCheck],
];

/** Why this credential needs a rotation now, whether or not it may begin; undefined: it does not. */
export function sweepReason(one: SweepCandidate, now: number, limits: SweepLimits): SweepReason | undefined {
  if (one.status === 'released') return undefined;
  for (const [check, urgency, ask] of checks) {
    const why = ask(one, now, limits);
    if (why !== undefined) return { check, urgency, why };
  }
  return undefined;
}

/** A backend shows something else than the ledger decided. */
export const driftFound = (backends: readonly string[]): SweepReason => ({
  check: 'driftFound',
  urgency: 'owed',
  why: `${backends.join(', ')} does not show what the ledger decided`,
});

/** The ledger calls a run open that Temporal does not know: it was terminated, or lost. */
export const runLost = (one: SweepCandidate): SweepReason => ({
  check: 'runLost',
  urgency: one.compromised > 0 || one.reopened ? 'urgent' : 'owed',
  why: 'its run is open in the ledger, and Temporal does not know it',
});

/** What a sweep knows beside the credential itself. */
export interface SweepSituation {
  readonly now: number;
  readonly limits: SweepLimits;
  /** The ledger was restored or cloned and no person has read `reconcile`. */
  readonly observeOnly: boolean;
  /** Targets whose provider has an open incident. */
  readonly incidentTargets: ReadonlySet<string>;
  readonly tally: Tally;
}

/** What stands in the way of a start now; undefined: nothing does. It is found again by the next sweep. */
export function notNow(one: SweepCandidate, reason: SweepReason, situation: SweepSituation): string | undefined {
  if (reason.urgency === 'urgent') return undefined;
  for (const ask of obstacles) {
    const why = ask(one, reason, situation);
    if (why !== undefined) return why;
  }
  return undefined;
}

const stoppedBy = ({ requests }: SweepCandidate): string | undefined =>
  requests.includes('freeze') ? 'frozen' : requests.includes('pause') ? 'paused' : undefined;

/** Stopped it is started all the same: its run waits, and keeps meanwhile what the provider would end, or pages. */
const endsSoon = ({ mode, endsAt }: SweepCandidate, now: number): boolean =>
  mode !== 'observe' && endsAt !== undefined && endsAt - now <= toldBefore;

type Obstacle = (one: SweepCandidate, reason: SweepReason, situation: SweepSituation) => string | undefined;

const obstacles: readonly Obstacle[] = [
  (_one, _reason, { observeOnly }) =>
    observeOnly ? 'the ledger was restored and only observes until reconcile has been read' : undefined,
  (one, _reason, { now }) => (endsSoon(one, now) ? undefined : stoppedBy(one)),
  (one, _reason, { incidentTargets }) =>
    incidentTargets.has(one.target) ? 'an incident is open at its provider' : undefined,
  (one, _reason, { now }) =>
    one.nextAttemptAt !== undefined && one.nextAttemptAt > now ? 'a failed attempt backs off' : undefined,
  (one, { urgency }, { now }) =>
    urgency === 'scheduled' && !inSchedule(one.schedule, now) ? 'outside its windows, or in a freeze' : undefined,
  cameToNothing,
  (one, { urgency }, situation) => besideMate(one, urgency, situation),
  (one, _reason, { tally, limits }) =>
    tally.at(one.target) >= limits.startsPerTarget || tally.all() >= limits.starts
      ? 'enough are started at its target'
      : undefined,
];

/** The same reason found nothing to do a while ago: what it sees is not the rotation's to cure. */
function cameToNothing(
  one: SweepCandidate,
  { check, urgency }: SweepReason,
  { now, limits }: SweepSituation,
): string | undefined {
  const { lastRun } = one;
  if (lastRun === undefined || urgency === 'asked') return undefined;
  const observed =
    one.mode === 'observe' && lastRun.outcome === 'observed' && lastRun.endedAt > now - limits.observeAgain;
  if (observed && urgency === 'scheduled') return 'observed a while ago';
  const nothing = lastRun.outcome === 'nothing' && lastRun.reason === check;
  return nothing && lastRun.endedAt > now - limits.fruitless ? 'the same start came to nothing a while ago' : undefined;
}

/** Two of a pair never rotate at once, nor by schedule in one window, nor by one sweep. */
function besideMate(one: SweepCandidate, urgency: Urgency, { now, limits, tally }: SweepSituation): string | undefined {
  const since = windowBegan(one.schedule, now) ?? now - limits.matesApart;
  for (const mate of one.mates) {
    if (mate.running || tally.started(mate.id)) return `kept apart from ${mate.id}`;
    const rotated = mate.lastRotatedAt ?? Number.NEGATIVE_INFINITY;
    if (urgency === 'scheduled' && rotated >= since) return `${mate.id} has rotated in this window`;
  }
  return undefined;
}

/** When the window that is open now began; undefined: there are none, or none is open. */
export function windowBegan({ windows }: Pick<Schedule, 'windows'>, now: number): number | undefined {
  const at = minuteOfWeek(now);
  const open = windows.find(({ from, to }) => at >= from && at < to);
  return open === undefined ? undefined : Math.floor(now / minute) * minute - (at - open.from) * minute;
}

/**
 * A run that began before the credential fell due, and goes on, hears of it by a `rotate` request: honoured right after.
 * Not where windows or a freeze say when: a request knows neither, and the sweep that follows the run does.
 */
export function leavesRequest(one: SweepCandidate, now: number): boolean {
  const { openRun, dueAt, schedule, requests } = one;
  if (openRun === undefined || dueAt === undefined || dueAt > now || openRun.startedAt >= dueAt) return false;
  const free = schedule.windows.length === 0 && (schedule.freezes ?? []).length === 0;
  return managed(one) && one.mode !== 'observe' && free && !requests.includes('rotate');
}

/** From when on people are told that a due date was missed: a tenth of the interval late, and every window has been once. */
export function overdueFrom({ dueAt, schedule }: Pick<SweepCandidate, 'dueAt' | 'schedule'>): number | undefined {
  if (dueAt === undefined) return undefined;
  return dueAt + Math.max(schedule.every / 10, schedule.windows.length > 0 ? 7 * day : 0);
}

/** How long after the `count`-th telling an alarm is told again. */
export function remindAfter(reminders: readonly number[], count: number): number {
  return reminders[Math.min(count, reminders.length - 1)] ?? day;
}

export interface SweepInput {
  readonly limits: SweepLimits;
  /** Given to the rotations it starts. */
  readonly pace: Pace;
}
