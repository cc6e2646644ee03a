import type { Entry } from '../../domain/entry.ts';
import type { Problem } from '../problem.ts';
import { anothersEntry, at, listed, tellable } from './world.ts';
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
          : [at(entry, [key, index], key === 'dependents' ? noDependent(world, entry) : noSuchEntry)];
      }),
    ),
  );

const noSuchEntry = 'no such entry: expected the id of an entry that is applied, or in this file';

/** To whoever does not see every entry, one that is not there and one that may not be named are told in the same words. */
function noDependent({ sees }: RuleWorld, { team }: Entry): string {
  if (sees === undefined) return noSuchEntry;
  return `not an entry that one of team ${team} may name: expected an id of this file, or of another team's where its target allows team ${team} too (teams in targets.yml)`;
}

/**
 * Dependents are rotated one after the other: a circle would never end. Every link that closes one is named, so that
 * taking these away leaves none; a circle that closes at another team's entry is told at the last link of this file.
 */
export const noCircles: Rule = (world) => {
  const { entries, others } = world;
  const renamed = new Map(entries.map((entry) => [entry.movedFrom as string | undefined, entry.id as string]));
  const byId = new Map([...others, ...entries].map((entry) => [entry.id as string, entry]));
  const own = new Set(entries.map(({ id }) => id as string));
  const finished = new Set<string>();
  const problems: Problem[] = [];
  for (const { id } of entries) walk(id);
  return problems;

  /** Depth first, without recursion: a chain may be as long as the inventory. */
  function walk(start: string): void {
    const trail: Link[] = finished.has(start) ? [] : [{ id: start, link: 0 }];
    const onTrail = new Set(trail.map(({ id }) => id));
    for (let last = trail.at(-1); last !== undefined; last = trail.at(-1)) {
      const dependent = byId.get(last.id)?.dependents[last.link];
      if (dependent === undefined) {
        finished.add(last.id);
        onTrail.delete(last.id);
        trail.pop();
        const before = trail.at(-1);
        if (before !== undefined) before.link += 1;
        continue;
      }
      const next = renamed.get(dependent) ?? dependent;
      if (next !== last.id && !finished.has(next) && !onTrail.has(next)) {
        trail.push({ id: next, link: 0 });
        onTrail.add(next);
        continue;
      }
      // An entry that names itself is told of by `knownRelations`.
      if (next !== last.id && onTrail.has(next)) close(trail.slice(trail.findIndex(({ id }) => id === next)));
      last.link += 1;
    }
  }

  function close(circle: readonly Link[]): void {
    const told = circle.findLast(({ id }) => own.has(id));
    const teller = byId.get(told?.id ?? '');
    if (told === undefined || teller === undefined) return;
    const names = [...circle, ...circle.slice(0, 1)].map(({ id }) => nameOf(id));
    const ways = names.filter((name, index) => name !== anothersEntry || names[index - 1] !== anothersEntry);
    problems.push(at(teller, ['dependents', told.link], `dependents go in a circle: ${ways.join(' -> ')}`));
  }

  function nameOf(id: string): string {
    const entry = byId.get(id);
    return entry === undefined || tellable(world, entry) ? id : anothersEntry;
  }
};

/** An entry on the way, and which of its dependents is being followed. */
interface Link {
  readonly id: string;
  link: number;
}

/**
 * Another team's entry may be named as a dependent (its rotation is started, and proved as ever) where its target lets
 * the naming team in. Who may is written in targets.yml: an inventory cannot set another team's rotations going.
 */
export const dependentsOfOwnTeam: Rule = (world) =>
  world.entries.flatMap((entry) =>
    entry.dependents.flatMap((id, index) => {
      const theirs = world.others.find((other) => other.id === id);
      if (theirs === undefined || world.targets.targets[theirs.target]?.teams.includes(entry.team) === true) return [];
      if (!tellable(world, theirs)) return [at(entry, ['dependents', index], noDependent(world, entry))];
      const text = `belongs to team ${theirs.team}: an entry of team ${entry.team} may name it only when target ${theirs.target} allows that team too (teams in targets.yml)`;
      return [at(entry, ['dependents', index], text)];
    }),
  );

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
export const notAnothersEntry: Rule = (world) =>
  world.entries.flatMap((entry) => {
    const other = world.others.find(({ id }) => id === entry.id);
    if (other === undefined) return [];
    if (!tellable(world, other)) return [at(entry, [], 'this id belongs to another team: choose another id')];
    return [
      at(
        entry,
        [],
        `this id belongs to team ${other.team}, and this file is of ${listed(world.teams)}: choose another id, or add the team`,
      ),
    ];
  });
