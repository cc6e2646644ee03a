import type { Entry } from './entry.ts';

/** Milliseconds before the provider ends a version by itself from which on it is kept, or people are paged. */
export const toldBefore = 14 * 86_400_000;

/**
 * The shortest life, in milliseconds, that a provider may give a version of this entry before it ends it by itself:
 * twice the interval and the longest hold (the latest deadline, the silence and the soak).
 */
export function leastExpiry({ schedule, soak, silence, consumers }: Entry): number {
  const deadlines = 'none' in consumers ? [] : consumers.map(({ deadline }) => deadline);
  return 2 * schedule.every + Math.max(0, ...deadlines) + soak + ('for' in silence ? silence.for : 0);
}
