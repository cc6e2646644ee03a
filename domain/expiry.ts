import type { Entry } from './entry.ts';

/**
 * The shortest life, in milliseconds, that a provider may give a version of this entry before it ends it by itself:
 * twice the interval and the longest hold (the latest deadline, the silence and the soak).
 */
export function leastExpiry({ schedule, soak, silence, consumers }: Entry): number {
  const deadlines = 'none' in consumers ? [] : consumers.map(({ deadline }) => deadline);
  return 2 * schedule.every + Math.max(0, ...deadlines) + soak + ('for' in silence ? silence.for : 0);
}
