import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import { canonical } from './canonical.ts';
import { linkEvent, readHead } from './chain.ts';
import type { Head, NewEvent } from './chain.ts';
import { compiled, compiledFirst, type Given } from './compiled.ts';
import type { EventKind } from './events.ts';
import type { Dialect } from './migrations.ts';
import { project } from './project.ts';
import type { CredentialRow, Db, EventRow, VersionRow } from './schema.ts';

/** One write transaction: rows locked in a fixed order, events appended and projected, all or nothing. */
export interface Transaction {
  readonly db: Db;
  /** The ledger's clock at the start, never below the newest event. */
  readonly now: number;
  /** Locks the rows in id order; a former name finds the credential that bore it. NOT_FOUND names the first unknown one. */
  lock(...credentials: readonly CredentialId[]): Promise<CredentialRow>;
  /** The version, its credential's row locked. NOT_FOUND. */
  lockVersion(version: string): Promise<{ readonly version: VersionRow; readonly credential: CredentialRow }>;
  /** Keeps requests that concern every credential from changing (`share`), or changes them (`update`). */
  lockEverything(how: 'share' | 'update'): Promise<void>;
  append<Kind extends EventKind>(event: NewEvent<Kind>): Promise<EventRow>;
  /** Many at once, in this order: as few statements as there are kinds. */
  appendAll(events: readonly NewEvent<string>[]): Promise<void>;
  /** Which of these natural keys were written already. */
  known(facts: readonly string[]): Promise<ReadonlySet<string>>;
  /** Takes the chain's lock, which comes last: what is read after it, no other writer adds to. */
  lockChain(): Promise<void>;
  /** An event with no projection. */
  appendNote(event: NewEvent<string>): Promise<void>;
  /**
   * An event that can happen once: again with the same kind and the same `same` members of its body it is no change
   * (`false`); with others it is CONFLICT.
   */
  once<Kind extends EventKind>(
    event: NewEvent<Kind> & { readonly fact: string },
    same: readonly string[],
  ): Promise<boolean>;
  /** The newest event written here. */
  readonly head: () => Head | undefined;
}

/** Rows of one insert: twelve columns each, under what a database takes as parameters. */
const insertSize = 500;

const lockHeadRow = compiledFirst((db, { id }: { id: number }) =>
  db.selectFrom('chain').select(['n', 'at', 'hash']).where('id', '=', id).forUpdate(),
);
const insertEvent = compiled((db, row: EventRow & Given) => db.insertInto('events').values(row));
const moveHead = compiled((db, { id, ...head }: Head & { readonly id: number } & Given) =>
  db.updateTable('chain').set(head).where('id', '=', id),
);
const selectCredentials = compiled((db, { ids }: { ids: readonly string[] }) =>
  db.selectFrom('credentials').selectAll().where('id', 'in', ids).orderBy('id'),
);
const lockCredentials = compiled((db, { ids }: { ids: readonly string[] }) =>
  db.selectFrom('credentials').selectAll().where('id', 'in', ids).orderBy('id').forUpdate(),
);
const selectNames = compiled((db, { ids }: { ids: readonly string[] }) =>
  db.selectFrom('credentials').select('id').where('id', 'in', ids),
);
const selectVersion = compiledFirst((db, { id }: { id: string }) =>
  db.selectFrom('versions').selectAll().where('id', '=', id),
);
const selectFact = compiledFirst((db, { fact }: { fact: string }) =>
  db.selectFrom('events').select(['kind', 'body']).where('fact', '=', fact),
);
const selectFormerName = compiledFirst((db, { id }: { id: string }) =>
  db.selectFrom('names').select('credential').where('name', '=', id).orderBy('until_n', 'desc'),
);

/** `held`: the newest event, where nobody else can write one until the transaction ends. */
export function openTransaction(db: Db, dialect: Dialect, now: number, held?: Head): Transaction {
  let head = held;
  let written: Head | undefined;
  const locking = dialect === 'postgres';

  async function lockHead(): Promise<Head> {
    const found = await (locking ? lockHeadRow(db, { id: 1 }) : readHead(db));
    if (found === undefined) throw new TypeError('the chain has no head');
    return found;
  }

  async function write(events: readonly NewEvent<string>[]): Promise<EventRow[]> {
    const rows: EventRow[] = [];
    let last = (head ??= await lockHead());
    for (const event of events) {
      const row = linkEvent(event, last, now);
      rows.push(row);
      last = { n: row.n, at: row.at, hash: row.hash };
    }
    if (rows.length === 0) return rows;
    const [only] = rows;
    if (rows.length === 1 && only !== undefined) await insertEvent(db, { ...only });
    else
      for (let start = 0; start < rows.length; start += insertSize)
        await db
          .insertInto('events')
          .values(rows.slice(start, start + insertSize))
          .execute();
    await moveHead(db, { ...last, id: 1 });
    head = written = last;
    return rows;
  }

  async function rows(ids: readonly string[]): Promise<CredentialRow[]> {
    return locking ? lockCredentials(db, { ids }) : selectCredentials(db, { ids });
  }

  async function append(event: NewEvent): Promise<EventRow> {
    const [row] = await write([event]);
    if (row === undefined) throw new TypeError('an event was not written');
    await project(db, [row]);
    return row;
  }

  const transaction: Transaction = {
    db,
    now,
    head: () => written,
    async lock(...credentials) {
      const asked = [...new Set(credentials)];
      const [only] = asked;
      // One row is locked in whatever order; several must be known by their present names first.
      const alone = asked.length === 1 && only !== undefined ? (await rows([only]))[0] : undefined;
      if (alone !== undefined) return alone;
      const known = await selectNames(db, { ids: asked });
      const present = new Set<string>(known.map((row) => row.id));
      const ids: string[] = [];
      for (const id of asked) ids.push(present.has(id) ? id : await presentName(db, id));
      const found = await rows(ids.toSorted());
      const locked = new Map(found.map((row) => [row.id, row]));
      const missing = ids.find((id) => !locked.has(id));
      const first = locked.get(ids[0] ?? '');
      if (missing !== undefined || first === undefined) throw unknownCredential(missing ?? String(credentials[0]));
      return first;
    },
    async lockVersion(id) {
      const seen = await selectVersion(db, { id });
      if (seen === undefined) throw unknownVersion(id);
      let [credential] = await rows([seen.credential]);
      if (credential === undefined) [credential] = await rows([await presentName(db, seen.credential)]);
      if (credential === undefined) throw unknownCredential(seen.credential);
      // Where writers run side by side another may have changed it until its credential was ours.
      const version = locking ? await selectVersion(db, { id }) : seen;
      if (version === undefined) throw unknownVersion(id);
      return { version, credential };
    },
    async lockEverything(how) {
      if (!locking) return;
      const query = db.selectFrom('meta').select('key').where('key', '=', 'everything');
      await (how === 'share' ? query.forShare() : query.forUpdate()).execute();
    },
    append,
    async appendAll(events) {
      await project(db, await write(events));
    },
    async known(facts) {
      if (facts.length === 0) return new Set();
      const rows = await db.selectFrom('events').select('fact').where('fact', 'in', facts).execute();
      return new Set(rows.flatMap((row) => (row.fact === null ? [] : [row.fact])));
    },
    async lockChain() {
      head ??= await lockHead();
    },
    async appendNote(event) {
      await write([event]);
    },
    async once(event, same) {
      const found = await selectFact(db, { fact: event.fact });
      if (found === undefined) {
        await append(event);
        return true;
      }
      const pick = (body: object): string =>
        canonical(Object.fromEntries(Object.entries(body).filter(([name]) => same.includes(name))));
      // Written by `linkEvent` from an object.
      const earlier = JSON.parse(found.body) as object;
      if (found.kind !== event.kind || pick(earlier) !== pick(event.body)) {
        throw new KeybatonError('CONFLICT', `the ledger has ${event.kind} already, with other content`);
      }
      return false;
    },
  };
  return transaction;
}

/** What a credential is called now: a name given up by a rename still finds it, unless another bears it today. */
export async function presentName(db: Db, id: string): Promise<string> {
  const [present] = await selectNames(db, { ids: [id] });
  if (present !== undefined) return id;
  const former = await selectFormerName(db, { id });
  return former?.credential ?? id;
}

export function unknownCredential(id: string): KeybatonError {
  return new KeybatonError('NOT_FOUND', `the ledger knows no credential ${id}: apply an inventory that has it`);
}

export function unknownVersion(id: string, count = 1): KeybatonError {
  const others = count === 1 ? '' : `, nor ${count - 1} others`;
  return new KeybatonError('NOT_FOUND', `the ledger knows no version ${id}${others}`);
}
