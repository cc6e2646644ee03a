import { pageShares, shares, type IncidentPace, type Moment } from './incident.ts';

/** When things of an incident are due: pure, so that the clock is tested without waiting for it. Times are epoch milliseconds. */
export interface ClockStart {
  readonly declaredAt: number;
  /** The whole of it, milliseconds. */
  readonly clock: number;
}

/** When this moment should be reached at the latest. */
export const momentDueAt = ({ declaredAt, clock }: ClockStart, moment: Moment): number =>
  declaredAt + shares[moment] * clock;

/** Pages whose share of the clock has passed and that were not sent, as per cent, in order. */
export function pagesDue({ declaredAt, clock }: ClockStart, now: number, sent: readonly number[]): readonly number[] {
  return pageShares
    .filter((share) => declaredAt + share * clock <= now)
    .map(perCent)
    .filter((page) => !sent.includes(page));
}

/** When the next page is due; undefined when all of them are. */
export function nextPageAt({ declaredAt, clock }: ClockStart, sent: readonly number[]): number | undefined {
  const next = pageShares.find((share) => !sent.includes(perCent(share)));
  return next === undefined ? undefined : declaredAt + next * clock;
}

const perCent = (share: number): number => Math.round(share * 100);

/** Wait after the n-th failure in a row, from 1. */
export const backoff = (pace: Pick<IncidentPace, 'retryFrom' | 'retryTo'>, failures: number): number =>
  Math.min(pace.retryTo, pace.retryFrom * 2 ** Math.min(Math.max(0, failures - 1), 20));

/** Wait before rotations without an outcome are told again, the n-th time from 0: 30 s, 1 min, 2 min ... of 15 min. */
export const tellAgainIn = (clock: number, times: number): number =>
  Math.min(clock, (clock / 30) * 2 ** Math.min(times, 20));

/** Wait before outcomes are asked for again, after this many answers in a row that brought nothing new. */
export const askAgainIn = (outcomeEvery: number, unchanged: number): number =>
  Math.min(15 * outcomeEvery, outcomeEvery * 1.5 ** Math.min(unchanged, 20));
