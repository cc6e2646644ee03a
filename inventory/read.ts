import type { ZodType } from 'zod';
import type { Entry } from '../domain/entry.ts';
import { isCredentialId } from '../domain/identifiers.ts';
import type { Adapters } from './adapters.ts';
import { entrySchema, inventoryFileSchema } from './entries.ts';
import type { WrittenEntry } from './entries.ts';
import { fillIn } from './fill-in.ts';
import type { PlacedProblem, Problem } from './problem.ts';
import { rules } from './rules/all.ts';
import { listed } from './rules/world.ts';
import { isName } from './schema-parts.ts';
import { clusterSchema } from './clusters.ts';
import { channelSchema } from './notify.ts';
import { backendSchema, targetSchema, targetsFileSchema } from './targets.ts';
import type { Targets } from './targets.ts';
import { readYaml } from './yaml-source.ts';
import { problemsOf } from './zod-problems.ts';

export interface InventoryInput {
  readonly targets: string;
  readonly inventory: string;
  readonly adapters: Adapters;
  /** Entries of other teams as applied before: ids, locations and relations are checked against them. */
  readonly others: readonly Entry[];
  /** Which of those may be named to whoever reads the problems; undefined: all. */
  readonly sees?: ((other: Entry) => boolean) | undefined;
}

export interface CheckedInventory {
  readonly teams: readonly string[];
  readonly entries: readonly Entry[];
  readonly targets: Targets;
}

export type InventoryReading =
  | { readonly kind: 'checked'; readonly inventory: CheckedInventory }
  /** Every mistake of both files, in the order of the files. */
  | { readonly kind: 'refused'; readonly problems: readonly PlacedProblem[] };

/** Both files to checked entries. Pure: the same texts and adapters give the same answer. Refuses with all mistakes at once. */
export function readInventory(input: InventoryInput): InventoryReading {
  const targetsSource = readYaml('targets', input.targets);
  const inventorySource = readYaml('inventory', input.inventory);
  const broken = [...targetsSource.problems, ...inventorySource.problems];
  const problems: Problem[] = [];
  const note = (problem: Problem): void => void problems.push(problem);

  const targets =
    targetsSource.problems.length > 0 ? noTargets : targetsOf(targetsSource.content, input.adapters, note);
  const inventory = inventorySource.problems.length > 0 ? undefined : entriesOf(inventorySource.content, targets, note);
  const checked: CheckedInventory = {
    teams: inventory?.teams ?? [],
    entries: inventory?.entries ?? [],
    targets: targets.targets,
  };

  // Rules compare both files: with one of them unreadable they would complain about its absence only.
  if (broken.length === 0 && inventory !== undefined) {
    const mine = new Set(checked.teams);
    const others = input.others.filter((other) => !mine.has(other.team));
    const world = {
      ...targets,
      ...checked,
      written: inventory.written,
      ids: inventory.ids,
      adapters: input.adapters,
      others,
      sees: input.sees,
    };
    for (const rule of Object.values(rules)) rule(world).forEach(note);
  }
  if (broken.length + problems.length === 0) return { kind: 'checked', inventory: checked };
  const placed = problems.map((problem) =>
    (problem.file === 'targets' ? targetsSource : inventorySource).place(problem),
  );
  return { kind: 'refused', problems: [...broken, ...placed].sort(byPlace) };
}

function byPlace(one: PlacedProblem, other: PlacedProblem): number {
  if (one.file !== other.file) return one.file === 'targets' ? -1 : 1;
  return one.line - other.line || one.column - other.column;
}

interface ReadTargets {
  readonly targets: Targets;
  readonly targetNames: ReadonlySet<string>;
  readonly backendNames: ReadonlySet<string>;
}

const noTargets: ReadTargets = {
  targets: { targets: {}, backends: {} },
  targetNames: new Set(),
  backendNames: new Set(),
};

function targetsOf(
  content: unknown,
  { targetSchemas, backendSchemas }: Adapters,
  note: (problem: Problem) => void,
): ReadTargets {
  const top = topOf(content, 'targets', targetsFileSchema.shape, note);
  const targets = readEach('targets', 'targets', top['targets'], targetSchema, note);
  const backends = readEach('targets', 'backends', top['backends'], backendSchema, note);
  const notify = readEach('targets', 'notify', top['notify'], channelSchema, note);
  const clusters = readEach('targets', 'clusters', top['clusters'], clusterSchema, note);
  checkAdapters('targets', 'provider', top['targets'], targetSchemas, note);
  checkAdapters('backends', 'kind', top['backends'], backendSchemas, note);
  for (const [name, target] of Object.entries(targets)) {
    Object.keys(target.probes)
      .filter((probe) => !isName(probe))
      .forEach((probe) => note({ file: 'targets', path: ['targets', name, 'probes', probe], text: oddName }));
  }
  return {
    targets: { targets, backends, notify, ...(Object.keys(clusters).length > 0 && { clusters }) },
    targetNames: new Set(keysOf(top['targets'])),
    backendNames: new Set(keysOf(top['backends'])),
  };
}

const oddName = 'expected a name of a-z, 0-9 and -, at most 63 long, beginning with a letter or digit';

/** Asked of what is written, so that a mistake elsewhere in the same target does not hide this one. */
function checkAdapters(
  group: 'targets' | 'backends',
  key: 'provider' | 'kind',
  members: unknown,
  schemas: Readonly<Record<string, ZodType>>,
  note: (problem: Problem) => void,
): void {
  for (const [name, member] of Object.entries(isRecord(members) ? members : {})) {
    const adapter = isRecord(member) ? member[key] : undefined;
    if (!isRecord(member) || typeof adapter !== 'string') continue;
    const schema = Object.hasOwn(schemas, adapter) ? schemas[adapter] : undefined;
    if (schema === undefined) {
      const what = key === 'provider' ? 'provider' : 'kind of backend';
      note({
        file: 'targets',
        path: [group, name, key],
        text: `no such ${what}: expected one of ${listed(Object.keys(schemas))}`,
      });
      continue;
    }
    const settings = member['settings'] ?? {};
    const parsed = schema.safeParse(settings);
    if (!parsed.success) problemsOf(parsed.error, settings, 'targets', [group, name, 'settings']).forEach(note);
  }
}

interface ReadEntries {
  readonly teams: readonly string[];
  readonly entries: readonly Entry[];
  readonly written: ReadonlyMap<string, WrittenEntry>;
  readonly ids: ReadonlySet<string>;
}

function entriesOf(content: unknown, { targets }: ReadTargets, note: (problem: Problem) => void): ReadEntries {
  const top = topOf(content, 'inventory', inventoryFileSchema.shape, note);
  const teams = inventoryFileSchema.shape.teams.safeParse(top['teams']);
  if (!teams.success && 'teams' in top) problemsOf(teams.error, top['teams'], 'inventory', ['teams']).forEach(note);
  const written = new Map(Object.entries(readEach('inventory', 'credentials', top['credentials'], entrySchema, note)));
  const entries = [...written].flatMap(([id, entry]) => (isCredentialId(id) ? [fillIn(id, entry, targets)] : []));
  return { teams: teams.data ?? [], entries, written, ids: new Set(keysOf(top['credentials'])) };
}

/** The keys of a file's top level; complains of unknown and missing ones. */
function topOf(
  content: unknown,
  file: Problem['file'],
  shape: Readonly<Record<string, ZodType>>,
  note: (problem: Problem) => void,
): Readonly<Record<string, unknown>> {
  const expected = Object.keys(shape);
  if (!isRecord(content)) {
    note({ file, path: [], text: `expected a file with ${expected.join(' and ')}` });
    return {};
  }
  for (const key of Object.keys(content)) {
    if (!expected.includes(key))
      note({ file, path: [key], text: `unknown key: expected one of ${expected.join(', ')}` });
  }
  for (const [key, schema] of Object.entries(shape)) {
    if (!(key in content) && !schema.safeParse(undefined).success) note({ file, path: [], text: `missing: ${key}` });
  }
  return content;
}

/** Each member by its own, so that one with mistakes hides none of another's. Absent was complained of already. */
function readEach<Schema extends ZodType>(
  file: Problem['file'],
  key: string,
  members: unknown,
  schema: Schema,
  note: (problem: Problem) => void,
): Record<string, Schema['_output']> {
  // Without a prototype: `constructor` is a name like any other, and nobody's unless it stands in the file.
  const read = Object.create(null) as Record<string, Schema['_output']>;
  if (members !== undefined && members !== null && !isRecord(members))
    note({ file, path: [key], text: 'expected names with what belongs to them' });
  for (const [name, member] of Object.entries(isRecord(members) ? members : {})) {
    const odd = oddKey(file, name);
    if (odd !== undefined) note({ file, path: [key, name], text: odd });
    const parsed = schema.safeParse(member);
    if (!parsed.success) problemsOf(parsed.error, member, file, [key, name]).forEach(note);
    else if (odd === undefined) read[name] = parsed.data;
  }
  return read;
}

function oddKey(file: Problem['file'], name: string): string | undefined {
  if (file === 'targets') return isName(name) ? undefined : oddName;
  if (isCredentialId(name)) return undefined;
  return 'not a credential id: expected provider/environment/application, each of a-z, 0-9 and -, at most 63 long';
}

const isRecord = (thing: unknown): thing is Record<string, unknown> =>
  typeof thing === 'object' && thing !== null && !Array.isArray(thing);
const keysOf = (thing: unknown): readonly string[] => (isRecord(thing) ? Object.keys(thing) : []);
