/**
 * Kysely builds and compiles a query anew each time, which takes longer than SQLite needs to answer it. Here a query is
 * written down while it is built, compiled by Kysely itself when its like is met for the first time, and only given its
 * values from then on. What cannot be written down goes to Kysely as it is.
 */
import type { Db } from '../../ledger/schema.ts';
import type { Prepare } from './statements.ts';

/** One call of a builder, `selectFrom`, `where` and so on, after the one before it. */
interface Step {
  readonly before: Step | undefined;
  readonly name: string;
  /** As given, but for functions: what those answered. */
  readonly args: readonly unknown[];
  /** The same for all queries that differ by their values alone. */
  readonly kind: Kind;
  readonly values: readonly unknown[];
}

interface Kind {
  readonly name: string;
  readonly after: Map<string, Kind>;
  known: Known | 'not this way' | undefined;
}

/** What a function that was given to a builder answered, asked with one that writes down. */
interface Answered {
  readonly answered: unknown;
}

/** Any builder of Kysely's: what it is given was accepted by the compiler where it was written. */
type Builder = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

interface Compiled {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

interface Known {
  readonly prepared: ReturnType<Prepare>;
  /** Each parameter: which value it is, or what it always is. */
  readonly parameters: readonly (Slot | null)[];
}

/** Where the values of a call are; everything else that is given to it belongs to what a query is like. */
const valuesAt: Readonly<Record<string, (index: number) => boolean>> = {
  ...Object.fromEntries(['where', 'having', 'on', ''].map((name) => [name, (index: number) => index === 2])),
  ...Object.fromEntries(['values', 'set', 'doUpdateSet', 'limit', 'val'].map((name) => [name, () => true])),
};
const chained =
  'select selectAll distinct where whereRef having orderBy limit groupBy innerJoin leftJoin values set onConflict doUpdateSet doNothing column columns returning returningAll as on onRef or and'.split(
    ' ',
  );
const asked =
  'or and not exists ref val selectFrom column columns on onRef fn.max fn.min fn.count fn.countAll fn.coalesce'.split(
    ' ',
  );
const begun = ['selectFrom', 'insertInto', 'updateTable', 'deleteFrom'];

/** It cannot be written down. */
const unlike = new Error('unlike');

interface Written {
  readonly step: Step;
}

/** What every written query can do: given its functions by the one database of a process. */
const builders: object = {};
const written = (step: Step): Written => Object.assign(Object.create(builders) as object, { step });
const isWritten = (value: object): value is Written => Object.getPrototypeOf(value) === builders;

/** Stands for a value while Kysely compiles. */
interface Slot {
  readonly slot: number;
}

const isSlot = (value: unknown): value is Slot => typeof value === 'object' && value !== null && 'slot' in value;
const isFunction = (value: unknown): value is NonNullable<Builder[string]> => typeof value === 'function';
const isAnswered = (value: object): value is Answered => 'answered' in value;

/** What something given is like; values that differ between queries of a kind are put aside. */
function likeOf(value: unknown, differs: boolean, values: unknown[]): string {
  if (typeof value === 'string' || typeof value === 'number') {
    if (!differs) return String(value);
    values.push(value);
    return '?';
  }
  if (value === null || value === undefined || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) {
    let like = '[';
    for (const one of value) like += `${likeOf(one, differs, values)},`;
    return `${like}]`;
  }
  if (typeof value !== 'object') throw unlike;
  if (isWritten(value)) {
    values.push(...value.step.values);
    return value.step.kind.name;
  }
  if (isAnswered(value)) return `=>${likeOf(value.answered, false, values)}`;
  if (!differs || Object.getPrototypeOf(value) !== Object.prototype) throw unlike;
  let like = '{';
  // It stands for a value, in what the ledger itself has compiled for good.
  if (Object.keys(value).length === 0) throw unlike;
  for (const [name, one] of Object.entries(value)) like += `${name}:${likeOf(one, true, values)},`;
  return `${like}}`;
}

let kinds = 0;
const newKind = (): Kind => ({ name: `#${(kinds += 1)}`, after: new Map(), known: undefined });
const nothing = newKind();

function stepAfter(before: Step | undefined, name: string, given: readonly unknown[]): Step {
  const args = given.map((one) => (isFunction(one) ? answerOf(one) : one));
  const differs = valuesAt[name];
  const values = before === undefined ? [] : [...before.values];
  let like = name;
  for (let index = 0; index < args.length; index += 1)
    like += `;${likeOf(args[index], differs?.(index) === true, values)}`;
  const { after } = before?.kind ?? nothing;
  const kind = after.get(like) ?? newKind();
  after.set(like, kind);
  return { before, name, args, kind, values };
}

function answerOf(act: NonNullable<Builder[string]>): Answered {
  try {
    return { answered: act(asking) };
  } catch {
    throw unlike;
  }
}

/** What a function that is given to a builder is asked with. */
const asking = ((): object => {
  const one =
    (name: string) =>
    (...args: readonly unknown[]): Written =>
      written(stepAfter(undefined, name, args));
  const callable: object = Object.assign(one(''), { fn: {} });
  for (const name of asked) {
    const [first, second] = name.split('.');
    if (second === undefined) Reflect.set(callable, name, one(name));
    else Reflect.set(Reflect.get(callable, first ?? '') as object, second, one(name));
  }
  Reflect.set(callable, 'eb', callable);
  return callable;
})();

/** A database whose queries are compiled once for all that differ by their values alone. */
export function knownQueries(db: Db, prepare: Prepare): Db {
  /** The same with the database's own builders; each value is what `at` has for its place. */
  function rebuilt(step: Step, root: unknown, at: (index: number) => unknown): unknown {
    const own = begun.includes(firstOf(step).name) ? db : root;
    const on = step.before === undefined ? own : rebuilt(step.before, own, at);
    let index = step.before?.values.length ?? 0;
    const differs = valuesAt[step.name];
    const take = (value: unknown, moves: boolean, from: unknown): unknown => {
      if (typeof value === 'string' || typeof value === 'number') return moves ? at((index += 1) - 1) : value;
      if (Array.isArray(value)) return value.map((one) => take(one, moves, from));
      if (typeof value !== 'object' || value === null) return value;
      const start = index;
      if (isWritten(value)) {
        index += value.step.values.length;
        return rebuilt(value.step, from, (inner) => at(start + inner));
      }
      if (isAnswered(value)) {
        const many: unknown[] = [];
        likeOf(value.answered, false, many);
        index += many.length;
        return (given: unknown) => {
          const after = index;
          index = start;
          const answer = take(value.answered, false, given);
          index = after;
          return answer;
        };
      }
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, take(one, true, from)]));
    };
    const args = step.args.map((one, place) => take(one, differs?.(place) === true, root));
    const path = step.name.split('.');
    // Builders of the kind that was written down.
    if (step.name === '') return (on as (...args: readonly unknown[]) => unknown)(...args);
    const holder: unknown = path.length === 1 ? on : Reflect.get(on as object, path[0] ?? '');
    return (holder as Builder)[path.at(-1) ?? '']?.(...args);
  }
  const real = ({ step }: Written): Builder => rebuilt(step, undefined, (index) => step.values[index]) as Builder;

  function learn(one: Written): Known | 'not this way' {
    const { step } = one;
    const built = rebuilt(step, undefined, (slot) => ({ slot })) as Builder;
    const { sql, parameters } = built['compile']?.() as Compiled;
    const order = parameters.filter((one) => isSlot(one) || one === null);
    const filled = order.map((one) => (one === null ? null : step.values[one.slot]));
    // As Kysely itself compiles it with these values: else it has its own way with one of them.
    const plain = real(one)['compile']?.() as Compiled;
    const same = plain.sql === sql && plain.parameters.every((value, index) => value === filled[index]);
    const complete = order.length === parameters.length && new Set(order).size >= step.values.length;
    const learnt = complete && same ? { prepared: prepare(sql), parameters: order } : 'not this way';
    step.kind.known = learnt;
    return learnt;
  }

  /** Undefined: Kysely is to do it. */
  function answer(one: Written): readonly unknown[] | undefined {
    const like = one.step.kind.known ?? learn(one);
    if (like === 'not this way') return undefined;
    const { values } = one.step;
    return like.prepared.answer(like.parameters.map((one) => (one === null ? null : values[one.slot])));
  }

  const terminals = {
    async execute(this: Written): Promise<unknown> {
      return answer(this) ?? real(this)['execute']?.();
    },
    async executeTakeFirst(this: Written): Promise<unknown> {
      const rows = answer(this);
      return rows === undefined ? real(this)['executeTakeFirst']?.() : rows[0];
    },
    async executeTakeFirstOrThrow(this: Written): Promise<unknown> {
      return answer(this)?.[0] ?? real(this)['executeTakeFirstOrThrow']?.();
    },
    /** Asked by the ledger for what it keeps compiled. */
    compile(this: Written): unknown {
      return real(this)['compile']?.();
    },
    /** Asked by Kysely for one that was given to its own builders. */
    toOperationNode(this: Written): unknown {
      return real(this)['toOperationNode']?.();
    },
    expressionType: undefined,
  };
  for (const name of chained)
    Reflect.set(terminals, name, function after(this: Written, ...args: readonly unknown[]): unknown {
      try {
        return written(stepAfter(this.step, name, args));
      } catch (thrown) {
        if (thrown !== unlike || !begun.includes(firstOf(this.step).name)) throw thrown;
        return real(this)[name]?.(...args);
      }
    });
  Object.assign(builders, terminals);

  const ready = new Map<string, ReturnType<Prepare>>();
  const instead: Readonly<Record<string, unknown>> = {
    ...Object.fromEntries(
      begun.map((name) => [name, (...args: readonly unknown[]) => written(stepAfter(undefined, name, args))]),
    ),
    async executeQuery({ sql, parameters }: Compiled) {
      const prepared = ready.get(sql) ?? prepare(sql);
      ready.set(sql, prepared);
      return { rows: prepared.answer(parameters) };
    },
  };
  const executor = db.getExecutor();
  const others = new Proxy(db, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name);
      return isFunction(found) ? (...args: readonly unknown[]) => Reflect.apply(found, target, args) : found;
    },
  });
  // What is asked for a thousand times a seed is found before the proxy is asked.
  return Object.assign(Object.create(others) as Db, instead, { getExecutor: () => executor });
}

function firstOf(step: Step): Step {
  let first = step;
  while (first.before !== undefined) first = first.before;
  return first;
}
