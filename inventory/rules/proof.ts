import { formatDuration } from '../../domain/duration.ts';
import { satisfies } from '../../domain/entry.ts';
import { leastExpiry } from '../../domain/expiry.ts';
import { tierDefaults } from '../tiers.ts';
import { at, consumersOf, traitsOf } from './world.ts';
import type { Rule } from './world.ts';

/** Someone's word alone never lets a key die without a person. */
export const acknowledgedIsNotAutomatic: Rule = ({ entries }) =>
  entries.flatMap((entry) => {
    if (entry.mode !== 'automatic') return [];
    return consumersOf(entry).flatMap(({ demand }, index) =>
      demand === 'acknowledged'
        ? [
            at(
              entry,
              ['consumers', index, 'demand'],
              'acknowledged is not enough for mode automatic: say mode: ask, or demand more',
            ),
          ]
        : [],
    );
  });

export const strongEnoughForTier: Rule = ({ entries }) =>
  entries.flatMap((entry) => {
    const { weakest } = tierDefaults[entry.tier];
    return consumersOf(entry).flatMap(({ demand }, index) =>
      satisfies(demand, weakest)
        ? []
        : [
            at(
              entry,
              ['consumers', index, 'demand'],
              `too weak for tier ${entry.tier}: expected ${weakest} or stronger`,
            ),
          ],
    );
  });

export const consumersApart: Rule = ({ entries }) =>
  entries.flatMap((entry) => {
    const consumers = consumersOf(entry);
    return consumers.flatMap(({ name }, index) =>
      consumers.findIndex((other) => other.name === name) < index
        ? [at(entry, ['consumers', index, 'name'], 'this consumer stands twice: one name, one consumer')]
        : [],
    );
  });

/** A provider that does not say when a key was last used cannot show its silence. */
export const silenceCanBeSeen: Rule = (world) =>
  world.entries.flatMap((entry) => {
    const traits = traitsOf(world, entry);
    if (traits === undefined || typeof world.written.get(entry.id)?.silence !== 'number' || 'no' in entry.silence)
      return [];
    if (traits.usage === undefined) {
      return [
        at(
          entry,
          ['silence'],
          'this target does not tell when a key was last used: leave silence out, or say {no: the reason}',
        ),
      ];
    }
    if (entry.silence.for < traits.usage.lag) {
      return [
        at(
          entry,
          ['silence'],
          `shorter than the lag of the last-use signal: expected at least ${formatDuration(traits.usage.lag)}`,
        ),
      ];
    }
    return [];
  });

/** A key that the provider ends by itself must outlive two intervals and the longest hold. */
export const expiryLongEnough: Rule = (world) =>
  world.entries.flatMap((entry) => {
    const expiry = world.targets.targets[entry.target]?.expiry;
    if (expiry === undefined) return [];
    const least = leastExpiry(entry);
    if (expiry >= least) return [];
    const text = `too long for the expiry of its target (${formatDuration(expiry)}): twice the interval and the longest hold are ${formatDuration(least)}`;
    return [at(entry, ['schedule'], text)];
  });

export const standbyAgrees: Rule = ({ entries }) =>
  entries.flatMap((entry) =>
    entry.emergency.policy === 'standby' && !entry.standby
      ? [at(entry, ['standby'], 'the emergency policy is standby, which needs standby: true')]
      : [],
  );
