import type { Entry } from './entry.ts';
import type { CredentialFacts, DueFacts } from './facts.ts';

/**
 * Is a credential due for a next version, and why? A chain of named checks; the first that holds is the reason, which
 * reaches people unchanged.
 */
export interface DueReason {
  readonly check: string;
  readonly why: string;
}

type Check = (facts: CredentialFacts) => string | undefined;

const neverRotated: Check = (facts) => (facts.epochs.length === 0 ? 'no version was ever promoted' : undefined);

const compromisedReplacement: Check = (facts) =>
  facts.due.reopened ? 'the version that honoured the last due date is compromised' : undefined;

const rotationRequested: Check = (facts) => {
  const request = facts.requests.find((one) => one.kind === 'rotate');
  return request ? `${request.who} asked: ${request.why}` : undefined;
};

const maximumAgeReached: Check = (facts) =>
  facts.due.at !== undefined && facts.due.at <= facts.now && facts.epochs.length > 0
    ? 'the schedule asks for it'
    : undefined;

const checks: readonly (readonly [name: string, check: Check])[] = [
  ['compromisedReplacement', compromisedReplacement],
  ['rotationRequested', rotationRequested],
  ['neverRotated', neverRotated],
  ['maximumAgeReached', maximumAgeReached],
];

export function dueReason(facts: CredentialFacts): DueReason | undefined {
  for (const [check, ask] of checks) {
    const why = ask(facts);
    if (why !== undefined) return { check, why };
  }
  return undefined;
}

/** When the schedule asks next: `every` after the decision, later by a share of `jitter` that the id fixes. */
export function nextDue(schedule: Entry['schedule'], id: string, decidedAt: number): number {
  return decidedAt + schedule.every + (schedule.jitter > 0 ? hash(id) % schedule.jitter : 0);
}

/**
 * A schedule that was made longer asks no later than in the middle of the life that the provider gave the version when
 * its schedule was shorter, and of a spare version no later than in the middle of what is left of its life: the other half
 * is for holds, as it was meant to be.
 */
export function dueWithin(due: number, life: { readonly from: number; readonly until: number } | undefined): number {
  return life === undefined ? due : Math.min(due, life.from + Math.floor((life.until - life.from) / 2));
}

/** Failed attempts back off from five minutes to a day; the original due date stays as it is. */
export function nextAttempt(failedAttempts: number, now: number): number {
  const minutes = 5 * 2 ** Math.min(failedAttempts - 1, 9);
  return now + Math.min(minutes, 24 * 60) * 60_000;
}

/** May a scheduled start happen now? Requests and emergencies do not ask. */
export function mayStart(schedule: Entry['schedule'], due: DueFacts, now: number): boolean {
  if (due.nextAttemptAt !== undefined && due.nextAttemptAt > now) return false;
  return inSchedule(schedule, now);
}

/** Inside a window, where there are any, and in no freeze of the calendar. */
export function inSchedule(schedule: Entry['schedule'], now: number): boolean {
  if (schedule.freezes?.some(({ from, to }) => now >= from && now < to) === true) return false;
  if (schedule.windows.length === 0) return true;
  const minute = minuteOfWeek(now);
  return schedule.windows.some(({ from, to }) => minute >= from && minute < to);
}

/** Monday 00:00 UTC is minute 0. The epoch began on a Thursday. */
export function minuteOfWeek(now: number): number {
  const minutes = Math.floor(now / 60_000) + 3 * 24 * 60;
  return minutes % (7 * 24 * 60);
}

/** FNV-1a: only to spread due dates, no cryptography. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const letter of text) {
    value ^= letter.codePointAt(0) ?? 0;
    value = Math.imul(value, 0x01000193) >>> 0;
  }
  return value;
}
