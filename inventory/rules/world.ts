import type { Entry, EntryConsumer } from '../../domain/entry.ts';
import type { Adapters } from '../adapters.ts';
import type { WrittenEntry } from '../entries.ts';
import type { Problem } from '../problem.ts';
import type { Targets } from '../targets.ts';

/** Everything the rules may look at: this file's entries, those of other teams, and the targets. */
export interface RuleWorld {
  readonly adapters: Adapters;
  readonly targets: Targets;
  /** Names that stand in targets.yml, also of those whose entry has mistakes of its own. */
  readonly targetNames: ReadonlySet<string>;
  readonly backendNames: ReadonlySet<string>;
  readonly teams: readonly string[];
  /** Entries of this file that could be read. */
  readonly entries: readonly Entry[];
  /** As written, to tell what was asked for from what was filled in. */
  readonly written: ReadonlyMap<string, WrittenEntry>;
  /** Every id of this file, also of entries that could not be read. */
  readonly ids: ReadonlySet<string>;
  /** Entries of other teams, as the ledger has them. */
  readonly others: readonly Entry[];
  /** May whoever is told see this entry of another team? Nothing of one that they may not see is named. Undefined: all. */
  readonly sees?: ((other: Entry) => boolean) | undefined;
}

/** One rule: every way in which the world breaks it. Pure. */
export type Rule = (world: RuleWorld) => readonly Problem[];

/** A problem of an entry, at a path below it. */
export function at(entry: Entry, path: Problem['path'], text: string): Problem {
  return { file: 'inventory', path: ['credentials', entry.id, ...path], text };
}

/** May this entry be named to whoever is told? Those of the file itself always may. */
export function tellable({ others, sees }: Pick<RuleWorld, 'others' | 'sees'>, entry: Entry): boolean {
  return sees === undefined || sees(entry) || !others.includes(entry);
}

export const anothersEntry = 'an entry of another team';

/** Names of those that may be named, and how many there are beside them. */
export function listedEntries(world: Pick<RuleWorld, 'others' | 'sees'>, entries: readonly Entry[]): string {
  const told = entries.filter((entry) => tellable(world, entry));
  const untold = entries.length - told.length;
  const names = told.length === 0 && untold > 0 ? [] : [listed(told.map(({ id }) => id))];
  return [...names, ...(untold === 0 ? [] : [`${untold} of other teams`])].join(' and ');
}

export function listed(names: Iterable<string>): string {
  const sorted = [...names].sort();
  if (sorted.length === 0) return 'none';
  return sorted.length > 30 ? `${sorted.slice(0, 30).join(', ')} and ${sorted.length - 30} more` : sorted.join(', ');
}

export function traitsOf(world: RuleWorld, entry: Entry): ReturnType<NonNullable<Adapters['traits']>> {
  const target = world.targets.targets[entry.target];
  return target === undefined ? undefined : world.adapters.traits?.(target.provider, target.settings);
}

/** Declared consumers; none where the entry says so with a reason. */
export function consumersOf({ consumers }: Entry): readonly EntryConsumer[] {
  return 'none' in consumers ? [] : consumers;
}
