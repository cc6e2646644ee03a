import { CompiledQuery, type Compilable } from 'kysely';
import type { Db } from './schema.ts';

type Value = string | number | null | Uint8Array;
/** What differs from one execution to the next. Which names are given is part of the shape, and of a list its length. */
export type Given = Readonly<Record<string, Value | readonly Value[]>>;

/** Lists of more members come seldom, and each in its own length. */
const longestList = 4;

/** A statement that SQLite has prepared, as the driver gives it. */
interface Prepared {
  readonly reader: boolean;
  all(parameters: readonly unknown[]): unknown[];
  run(parameters: readonly unknown[]): unknown;
}
type Prepare = (text: string) => Prepared;

/** By Kysely's adapter: the connection of a database whose statements answer at once. */
const direct = new WeakMap<object, Prepare>();
/** Those connections while somebody holds them; nobody else's statement can come in between. */
const held = new WeakMap<object, Prepare>();

/** What `onConnection` holds of this database runs compiled queries without Kysely's layers, each a promise or more. */
export function runDirectly(db: Db, prepare: Prepare): void {
  direct.set(db.getExecutor().adapter, prepare);
}

/** As `db.connection().execute`. */
export function onConnection<Result>(db: Db, work: (connection: Db) => Promise<Result>): Promise<Result> {
  const prepare = direct.get(db.getExecutor().adapter);
  return db.connection().execute(async (connection) => {
    if (prepare === undefined) return work(connection);
    held.set(connection, prepare);
    try {
      return await work(connection);
    } finally {
      held.delete(connection);
    }
  });
}

async function execute<Row>(db: Db, query: CompiledQuery<Row>, parameters: readonly unknown[]): Promise<Row[]> {
  const prepare = held.get(db);
  if (prepare === undefined) return (await db.executeQuery<Row>({ ...query, parameters })).rows;
  const statement = prepare(query.sql);
  // The rows of the query that Kysely typed.
  if (statement.reader) return statement.all(parameters) as Row[];
  statement.run(parameters);
  return [];
}

interface Shape<Row> {
  readonly query: CompiledQuery<Row>;
  /** Where each parameter is found; one that differs never is itself. */
  readonly places: readonly (
    { readonly name: string; readonly index: number | undefined } | { readonly is: unknown }
  )[];
}

/**
 * A query that is built and compiled once for each dialect, and then only executed: building costs several times what
 * SQLite takes to answer. `build` is given stand-ins, so it must not decide by their content.
 */
export function compiled<Take extends Given, Row>(
  build: (db: Db, given: Take) => Compilable<Row>,
): (db: Db, given: Take) => Promise<Row[]> {
  const known = new WeakMap<object, Map<string, Shape<Row>>>();

  function shapeOf(db: Db, given: Take, key: string): Shape<Row> {
    const { adapter } = db.getExecutor();
    const shapes = known.get(adapter) ?? new Map<string, Shape<Row>>();
    known.set(adapter, shapes);
    const found = shapes.get(key);
    if (found !== undefined) return found;
    const standIns = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.map((_, index) => standIn(name, index)) : standIn(name, undefined),
      ]),
    );
    // Stand-ins are values to Kysely, which looks into none.
    const query = build(db, standIns as unknown as Take).compile();
    const shape = { query, places: query.parameters.map((one) => placeOf(one) ?? { is: one }) };
    shapes.set(key, shape);
    return shape;
  }

  return async (db, given) => {
    let key = '';
    let long = false;
    for (const name in given) {
      const value = given[name];
      key += `${name},`;
      if (!isList(value)) continue;
      key += `${value.length},`;
      long ||= value.length > longestList;
    }
    if (long) return (await db.executeQuery<Row>(build(db, given).compile())).rows;
    const { query, places } = shapeOf(db, given, key);
    const parameters = places.map((place) => {
      if ('is' in place) return place.is;
      const value = given[place.name];
      return place.index !== undefined && isList(value) ? value[place.index] : value;
    });
    return execute(db, query, parameters);
  };
}

const isList = (value: Value | readonly Value[] | undefined): value is readonly Value[] => Array.isArray(value);

/** As `compiled`, for the first row. */
export function compiledFirst<Take extends Given, Row>(
  build: (db: Db, given: Take) => Compilable<Row>,
): (db: Db, given: Take) => Promise<Row | undefined> {
  const all = compiled(build);
  return async (db, given) => (await all(db, given))[0];
}

/** A statement without parameters. */
export function statement(text: string): (db: Db) => Promise<void> {
  const query = CompiledQuery.raw(text);
  return async (db) => void (await execute(db, query, []));
}

const standIns = new WeakMap<object, { readonly name: string; readonly index: number | undefined }>();

function standIn(name: string, index: number | undefined): object {
  const made = {};
  standIns.set(made, { name, index });
  return made;
}

const placeOf = (parameter: unknown): { readonly name: string; readonly index: number | undefined } | undefined =>
  typeof parameter === 'object' && parameter !== null ? standIns.get(parameter) : undefined;
