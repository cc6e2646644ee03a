import { at, traitsOf } from './world.ts';
import type { Rule } from './world.ts';

/** A pair of slots, or a target whose keys carry no mark of ours, belongs to one credential. */
export const ownTarget: Rule = (world) =>
  world.entries.flatMap((entry, index) => {
    const traits = traitsOf(world, entry);
    const alone = traits !== undefined && (traits.topology === 'dual-slot' || traits.topology === 'single-slot' || !traits.tagged);
    const sharer =
      world.entries.slice(0, index).find(({ target }) => target === entry.target) ??
      world.others.find(({ target, id }) => target === entry.target && id !== entry.movedFrom);
    if (!alone || sharer === undefined) return [];
    return [at(entry, ['target'], `this target belongs to one credential, and ${sharer.id} has it: give each a target of its own`)];
  });

/** Every credential needs room for the old, the new and its standby at once. */
export const roomForAll: Rule = (world) => {
  const wanted = new Map<string, number>();
  return world.entries.flatMap((entry) => {
    const limit = traitsOf(world, entry)?.maxLive;
    const othersNeed = world.others.filter(({ target }) => target === entry.target).reduce((sum, one) => sum + needs(one.standby), 0);
    const sum = (wanted.get(entry.target) ?? othersNeed) + needs(entry.standby);
    wanted.set(entry.target, sum);
    if (limit === undefined || sum <= limit) return [];
    return [at(entry, ['target'], `this target may hold ${limit} live keys, and its entries need ${sum} (two each, three with a standby)`)];
  });
};

const needs = (standby: boolean): number => (standby ? 3 : 2);

export const expiryPossible: Rule = ({ targets, adapters }) =>
  Object.entries(targets.targets).flatMap(([name, target]) => {
    const traits = target.expiry === undefined ? undefined : adapters.traits?.(target.provider, target.settings);
    if (traits === undefined || traits.expiry) return [];
    return [{ file: 'targets' as const, path: ['targets', name, 'expiry'], text: 'this provider ends no key by itself: leave expiry out' }];
  });
