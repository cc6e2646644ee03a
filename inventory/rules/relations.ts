import type { Entry } from '../../domain/entry.ts';
import { at, listed } from './world.ts';
import type { Rule, RuleWorld } from './world.ts';

const known = ({ ids, others }: RuleWorld, id: string): boolean =>
  ids.has(id) || others.some((other) => other.id === id);

export const knownRelations: Rule = (world) =>
  world.entries.flatMap((entry) =>
    (['dependents', 'apartFrom'] as const).flatMap((key) =>
      entry[key].flatMap((id, index) => {
        if (id === entry.id) return [at(entry, [key, index], 'an entry cannot name itself here')];
        return known(world, id)
          ? []
          : [at(entry, [key, index], 'no such entry: expected the id of an entry that is applied, or in this file')];
      }),
    ),
  );

/** Dependents are rotated one after the other: a circle would never end. */
export const noCircles: Rule = ({ entries, others }) => {
  const byId = new Map([...others, ...entries].map((entry) => [entry.id as string, entry]));
  const finished = new Set<string>();
  const circleFrom = (id: string, trail: readonly string[]): readonly string[] | undefined => {
    if (trail.includes(id)) return [...trail.slice(trail.indexOf(id)), id];
    if (finished.has(id)) return undefined;
    for (const next of byId.get(id)?.dependents ?? []) {
      const circle = circleFrom(next, [...trail, id]);
      if (circle !== undefined) return circle;
    }
    finished.add(id);
    return undefined;
  };
  const reported = new Set<string>();
  return entries.flatMap((entry) => {
    if (reported.has(entry.id) || entry.dependents.includes(entry.id)) return [];
    const circle = circleFrom(entry.id, []);
    if (circle === undefined || !circle.includes(entry.id) || circle.some((id) => reported.has(id))) return [];
    circle.forEach((id) => reported.add(id));
    return [at(entry, ['dependents'], `dependents go in a circle: ${circle.join(' -> ')}`)];
  });
};

export const movedOnce: Rule = ({ entries, ids, others }) => {
  const claimed = new Map<string, Entry>();
  return entries.flatMap((entry) => {
    const from = entry.movedFrom;
    if (from === undefined) return [];
    const other = claimed.get(from);
    claimed.set(from, other ?? entry);
    if (from === entry.id) return [at(entry, ['movedFrom'], 'an entry cannot have moved from its own id')];
    if (ids.has(from))
      return [at(entry, ['movedFrom'], `${from} still stands in this file: remove it there, or leave movedFrom out`)];
    if (other !== undefined)
      return [at(entry, ['movedFrom'], `${other.id} says it moved from there too: one entry can be one other`)];
    if (others.some(({ id }) => id === from))
      return [at(entry, ['movedFrom'], 'that entry belongs to a team of another file')];
    return [];
  });
};

/** An id belongs to the team that has it: another file cannot take it over by naming it. */
export const notAnothersEntry: Rule = ({ entries, others, teams }) =>
  entries.flatMap((entry) => {
    const other = others.find(({ id }) => id === entry.id);
    if (other === undefined) return [];
    return [
      at(
        entry,
        [],
        `this id belongs to team ${other.team}, and this file is of ${listed(teams)}: choose another id, or add the team`,
      ),
    ];
  });
