import type { Database, Statement as StatementOf } from 'better-sqlite3';

type Statement = ReturnType<Database['prepare']>;

/** A statement that is prepared for good. */
export interface Prepared {
  /** Runs it. What it reads is read once, as long as nothing is written to its tables: nobody may change the rows. */
  answer(parameters: readonly unknown[]): readonly unknown[];
}

export type Prepare = (text: string) => Prepared;

export interface Statements {
  readonly prepare: Prepare;
  /** Differs after every write to one of these tables. */
  changes(tables: readonly string[]): number;
  /** What was written is taken back, or all of it is changed from outside. */
  undone(): void;
  /** For Kysely, which asks for each statement anew at every execution. */
  readonly database: { close(): void; prepare(text: string): Statement };
}

interface Table {
  changes: number;
}

/** Own statements of one text: as many as there are credentials and epochs. */
const mostBound = 60;

const writes = /^\s*(?:insert into|update|delete from)\s+"?(\w+)/i;
const reads = /\b(?:from|join)\s+"?(\w+)/gi;

/** Statements of one database, and which tables were written to through them. */
export function statementsOf(database: Database): Statements {
  const statements = new Map<string, { readonly statement: Statement; readonly writesTo: Table | undefined }>();
  const tables = new Map<string, Table>();
  const read: Map<string, unknown>[] = [];
  let undone = 0;
  const table = (name: string): Table => {
    const found = tables.get(name) ?? { changes: 0 };
    tables.set(name, found);
    return found;
  };
  const sum = (all: readonly Table[]): number => {
    let changes = undone;
    for (const one of all) changes += one.changes;
    return changes;
  };
  function find(text: string): { readonly statement: Statement; readonly writesTo: Table | undefined } {
    const name = writes.exec(text)?.[1];
    const found = statements.get(text) ?? {
      statement: database.prepare(text),
      writesTo: name === undefined ? undefined : table(name),
    };
    statements.set(text, found);
    return found;
  }

  function prepare(text: string): Prepared {
    const { statement, writesTo } = find(text);
    if (!statement.reader)
      return {
        answer(parameters) {
          if (writesTo !== undefined) writesTo.changes += 1;
          const many = BigInt(statement.run(parameters).changes);
          return [{ numInsertedOrUpdatedRows: many, numUpdatedRows: many, numDeletedRows: many }];
        },
      };
    const from = [...text.matchAll(reads)].map(([, name]) => table(name ?? ''));
    const known = new Map<string, { readonly changes: number; readonly rows: readonly unknown[] }>();
    read.push(known);
    const all = boundWhereItPays(text, statement);
    return {
      answer(parameters) {
        if (writesTo !== undefined) writesTo.changes += 1;
        const changes = sum(from);
        const key = parameters.join();
        const before = known.get(key);
        if (before?.changes === changes && writesTo === undefined) return before.rows;
        const rows = all(parameters, key);
        known.set(key, { changes, rows });
        return rows;
      },
    };
  }

  /**
   * SQLite plans some statements anew whenever they are given values, which takes ten times as long as to answer them.
   * Values that come again after everything was changed, the names of credentials and the first epochs, have a statement
   * of their own to which they are given once.
   */
  function boundWhereItPays(
    text: string,
    statement: Statement,
  ): (parameters: readonly unknown[], key: string) => readonly unknown[] {
    const bound = new Map<string, StatementOf<unknown[]>>();
    const asked = new Map<string, number>();
    return (parameters, key) => {
      const own = bound.get(key);
      if (own !== undefined) return own.all();
      const before = asked.get(key);
      if (before === undefined) {
        if (asked.size > 10 * mostBound) asked.clear();
        asked.set(key, undone);
      } else if (before !== undone && bound.size < mostBound)
        bound.set(key, database.prepare<unknown[]>(text).bind(...parameters));
      return statement.all(parameters);
    };
  }

  return {
    prepare,
    changes: (names) => sum(names.map(table)),
    undone() {
      undone += 1;
      for (const known of read) known.clear();
    },
    database: {
      close: () => void database.close(),
      prepare(text) {
        const { statement, writesTo } = find(text);
        if (writesTo !== undefined) writesTo.changes += 1;
        return statement;
      },
    },
  };
}
