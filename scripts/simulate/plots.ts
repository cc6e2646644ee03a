import type { Chance } from './chance.ts';
import { leakTo, type Mischief } from './mischief.ts';
import { day, hour, minute, type Dimensions } from './scenario.ts';

type Plot = (chance: Chance, world: Dimensions) => readonly Mischief[];

/** The moment at which some rotation is due. */
export const dueDate = (chance: Chance, { lasts, every }: Dimensions): number =>
  chance.between(0, Math.floor(lasts / every)) * every;

/** What is rare by chance alone: things that go wrong together. */
export const plots: readonly Plot[] = [
  // A write of an epoch arrives after the roll-back from it.
  (chance, world) => {
    const at = dueDate(chance, world);
    const rolledBack = at + chance.between(minute, 10 * minute);
    return [
      { at: at - 1, kind: 'late message', on: 'promote', delay: chance.between(minute, 15 * minute) },
      { at: rolledBack, kind: 'roll back' },
    ];
  },
  // A revocation arrives when its slot has been given anew.
  (chance, { every, lasts }) =>
    Array.from({ length: Math.max(1, Math.floor(lasts / every)) }, (_, index) => ({
      at: (index + 1) * every - 1,
      kind: 'late message',
      on: 'revoke',
      delay: every + chance.between(minute, 20 * minute),
    })),
  // An application falls silent before a rotation, its lease runs out, and it comes back.
  (chance, world) => {
    const at = Math.max(0, dueDate(chance, world) - chance.between(0, minute));
    const length = world.lease + chance.between(0, world.lease);
    return [{ at, kind: 'consumer stands still', instance: chance.between(0, 3), for: length }];
  },
  // What replaces a leaked version leaks too.
  (chance, world) => {
    const at = dueDate(chance, world) + chance.between(0, 10 * minute);
    const by = chance.pick(leakTo);
    return [
      { at, kind: 'leak', which: chance.pick(['current', 'all'] as const), by },
      { at: at + chance.between(0, 2 * minute), kind: 'leak', which: 'newest', by },
    ];
  },
  // What is only watched leaks: nothing is due, and yet it must be replaced and die.
  (chance, world) => {
    const at = chance.between(5 * minute, Math.max(6 * minute, world.lasts - 40 * minute));
    const by = chance.pick(leakTo);
    return [
      { at, kind: 'entry observes', for: world.length === 'long' ? day : 2 * hour },
      { at: at + chance.between(1_000, 5 * minute), kind: 'leak', which: 'current', by },
    ];
  },
  // People lay hands on an incident while it goes on.
  (chance, world) => {
    const at = dueDate(chance, world) + chance.between(minute, 10 * minute);
    const hands = chance.between(1, 3);
    return [
      { at, kind: 'leak', which: chance.pick(['current', 'newest', 'all'] as const), by: 'incident' },
      ...Array.from({ length: hands }, (): Mischief => {
        const later = at + chance.between(0, chance.pick([2_000, 20_000, 4 * minute]));
        return chance.oneIn(4)
          ? { at: later, kind: 'crash', downFor: 7_000 }
          : { at: later, kind: chance.pick(['take over', 'close incident', 'part of incident is ended'] as const) };
      }),
    ];
  },
  // Somebody overwrites a store by hand while the old version waits for its end.
  (chance, world) => {
    const at = dueDate(chance, world) + chance.between(0, 4 * minute);
    const what = chance.pick(['value', 'mark'] as const);
    const backend = chance.between(0, world.backends - 1);
    return [{ at, kind: 'hand writes', backend, what, restoredAfter: chance.between(20 * minute, hour) }];
  },
  // A worker stands still in the middle of a roll-back.
  (chance, world) => {
    const at = dueDate(chance, world) + chance.between(20_000, 10 * minute);
    return [
      { at, kind: 'roll back' },
      { at: at + chance.between(0, 3_000), kind: 'freeze', for: chance.pick([6_000, 25_000, 2 * minute]) },
    ];
  },
];

/** Drawn apart from everything else, so that a seed that has none of them is told as before. */
export function rarePlots(chance: Chance, world: Dimensions): readonly Mischief[] {
  return rare.flatMap(([name, seldom, plot]) => {
    const own = chance.fork(name);
    return own.oneIn(seldom) ? plot(own, world) : [];
  });
}

/** What only some seeds have beside all else: one in so many. */
const rare: readonly (readonly [name: string, seldom: number, plot: Plot])[] = [['retirement', 12, retirement]];

function retirement(chance: Chance, world: Dimensions): readonly Mischief[] {
  const at = chance.oneIn(2) ? chance.between(0, world.lasts) : dueDate(chance, world) + chance.between(0, 10 * minute);
  const within = (): number => chance.pick([1_000, 2 * minute, 20 * minute, world.every]);
  const [leftAfter, releasedAfter] = [within(), within()];
  const returnsAfter = chance.oneIn(3)
    ? chance.pick([leftAfter, releasedAfter]) + chance.between(0, within())
    : undefined;
  return [
    { at, kind: 'entry is retired', leftAfter, releasedAfter, returnsAfter },
    // It leaks while nobody may issue anything for it any more.
    ...(chance.oneIn(4) ? [leakOf(chance, at + chance.between(0, Math.max(leftAfter, releasedAfter) + minute))] : []),
  ];
}

const leakOf = (chance: Chance, at: number): Mischief => ({
  ...{ at, kind: 'leak', which: chance.pick(['current', 'all'] as const) },
  by: chance.pick(leakTo),
});
