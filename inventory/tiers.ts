import type { EvidenceKind, Mode, Tier } from '../domain/entry.ts';

const hour = 3_600_000;

/** What an entry gets when it does not say otherwise, by tier. Durations in milliseconds. */
export interface TierDefaults {
  readonly mode: Mode;
  readonly demand: EvidenceKind;
  /** The weakest evidence that an entry of this tier may ask for. */
  readonly weakest: EvidenceKind;
  readonly silence: number;
  readonly soak: number;
  readonly deadline: number;
}

export const tierDefaults: Readonly<Record<Tier, TierDefaults>> = {
  critical: {
    mode: 'ask',
    demand: 'possession',
    weakest: 'endpoint-reported',
    silence: 24 * hour,
    soak: 24 * hour,
    deadline: 4 * hour,
  },
  standard: {
    mode: 'automatic',
    demand: 'possession',
    weakest: 'acknowledged',
    silence: 6 * hour,
    soak: 6 * hour,
    deadline: 24 * hour,
  },
  low: {
    mode: 'automatic',
    demand: 'possession',
    weakest: 'acknowledged',
    silence: hour,
    soak: hour,
    deadline: 72 * hour,
  },
};

export const defaultEvery = 90 * 24 * hour;
/** replace-first kills anyway this long after declaration: inside the 15 minutes with room for the proof. */
export const defaultBound = 10 * 60_000;
/** Longer than this is no emergency: consumers that cannot move within it are moved by a scheduled rotation. */
export const longestBound = 60 * 60_000;
