import type { Entry } from '../../domain/entry.ts';
import type { TargetTraits } from '../adapters.ts';
import { anothersEntry, at, listedEntries, tellable, traitsOf } from './world.ts';
import type { Rule, RuleWorld } from './world.ts';

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
        tellable(world, sharer)
          ? `this target belongs to one credential, and ${sharer.id} has it: give each a target of its own`
          : `this target belongs to one credential, and ${anothersEntry} has it: name a target of its own`,
      ),
    ];
  });

const belongsToOne = ({ topology, tagged }: TargetTraits): boolean =>
  topology === 'dual-slot' || topology === 'single-slot' || !tagged;

/** A spare lives beside what is current: where a target has slots there is none for it, and where people supply values nobody refills it. */
export const spareHasPlace: Rule = (world) =>
  world.entries.flatMap((entry) => {
    const traits = traitsOf(world, entry);
    if (traits === undefined || !entry.standby || traits.topology === 'n-keys') return [];
    const key = world.written.get(entry.id)?.standby === undefined ? ['emergency', 'policy'] : ['standby'];
    return [
      at(entry, key, `${whyNoSpare[traits.topology]}: choose policy revoke-first or replace-first, without standby`),
    ];
  });

const whyNoSpare = {
  'single-slot': 'this target has one slot: a standby would be what is current',
  'dual-slot': 'this target has two slots, for the old version and the new: there is none for a standby',
  'operator-supplied': 'people supply the values of this target: keybaton cannot make a standby, nor refill it',
  dynamic: 'this target gives each version its own short life: a standby would end while it waits',
} as const;

/**
 * Every credential needs room for the old, the new and its standby at once: the standby is promoted, proved, the old one
 * revoked, and only then the next standby is made; a new version is issued beside both when the standby turns out dead.
 */
export const roomForAll: Rule = (world) => {
  const wanted = new Map<string, number>();
  return world.entries.flatMap((entry) => {
    const traits = traitsOf(world, entry);
    if (traits?.maxLive === undefined) return [];
    const othersNeed = world.others
      .filter(({ target }) => target === entry.target)
      .reduce((sum, one) => sum + needs(one, traits), 0);
    // Where several would share what belongs to one, that is said by the rule above.
    const before = belongsToOne(traits) ? 0 : (wanted.get(entry.target) ?? othersNeed);
    const sum = before + needs(entry, traits);
    wanted.set(entry.target, sum);
    if (sum <= traits.maxLive) return [];
    return [
      at(
        entry,
        ['target'],
        `this target may hold ${traits.maxLive} live keys, and its entries need ${sum} (two each, three with a standby): ${sharersOf(world, entry)}`,
      ),
    ];
  });
};

/** A standby that has no place at all is told of by its own rule. */
const needs = ({ standby }: Entry, { topology }: TargetTraits): number => (standby && topology === 'n-keys' ? 3 : 2);

const sharersOf = (world: RuleWorld, { target }: Entry): string =>
  listedEntries(
    world,
    [...world.others, ...world.entries].filter((one) => one.target === target),
  );
