import type { TargetTraits } from '../adapters.ts';
import { at, traitsOf } from './world.ts';
import type { Rule } from './world.ts';

/** A pair of slots, or a target whose keys carry no mark of ours, belongs to one credential. */
export const ownTarget: Rule = (world) =>
  world.entries.flatMap((entry, index) => {
    const traits = traitsOf(world, entry);
    const sharer =
      world.entries.slice(0, index).find(({ target }) => target === entry.target) ??
      world.others.find(({ target, id }) => target === entry.target && id !== entry.movedFrom);
    if (traits === undefined || !belongsToOne(traits) || sharer === undefined) return [];
    return [
      at(
        entry,
        ['target'],
        `this target belongs to one credential, and ${sharer.id} has it: give each a target of its own`,
      ),
    ];
  });

const belongsToOne = ({ topology, tagged }: TargetTraits): boolean =>
  topology === 'dual-slot' || topology === 'single-slot' || !tagged;

/** Every credential needs room for the old, the new and its standby at once. */
export const roomForAll: Rule = (world) => {
  const wanted = new Map<string, number>();
  return world.entries.flatMap((entry) => {
    const traits = traitsOf(world, entry);
    if (traits?.maxLive === undefined) return [];
    const othersNeed = world.others
      .filter(({ target }) => target === entry.target)
      .reduce((sum, one) => sum + needs(one.standby), 0);
    // Where several would share what belongs to one, that is said by the rule above.
    const before = belongsToOne(traits) ? 0 : (wanted.get(entry.target) ?? othersNeed);
    const sum = before + needs(entry.standby);
    wanted.set(entry.target, sum);
    if (sum <= traits.maxLive) return [];
    return [
      at(
        entry,
        ['target'],
        `this target may hold ${traits.maxLive} live keys, and its entries need ${sum} (two each, three with a standby)`,
      ),
    ];
  });
};

const needs = (standby: boolean): number => (standby ? 3 : 2);
