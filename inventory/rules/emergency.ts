import { formatDuration } from '../../domain/duration.ts';
import { longestBound } from '../tiers.ts';
import { at } from './world.ts';
import type { Rule } from './world.ts';

/** A bound says how long a leaked key may live on. */
export const boundShort: Rule = ({ entries }) =>
  entries.flatMap((entry) => {
    if (entry.emergency.policy !== 'replace-first' || entry.emergency.bound <= longestBound) return [];
    const text = `a leaked version may live on for at most ${formatDuration(longestBound)} after it was declared`;
    return [at(entry, ['emergency', 'bound'], text)];
  });
