import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import { canonical } from './canonical.ts';
import { linkEvent } from './chain.ts';
import type { Head, NewEvent } from './chain.ts';
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

export function openTransaction(db: Db, dialect: Dialect, now: number): Transaction {
  let head: Head | undefined;
  let written: Head | undefined;
  const locking = dialect === 'postgres';

  async function lockHead(): Promise<Head> {
    const query = db.selectFrom('chain').select(['n', 'at', 'hash']).where('id', '=', 1);
    return (locking ? query.forUpdate() : query).executeTakeFirstOrThrow();
  }

  async function write(event: NewEvent<string>): Promise<EventRow> {
    head ??= await lockHead();
    const row = linkEvent(event, head, now);
    await db.insertInto('events').values(row).execute();
    await db.updateTable('chain').set({ n: row.n, at: row.at, hash: row.hash }).where('id', '=', 1).execute();
    head = written = { n: row.n, at: row.at, hash: row.hash };
    return row;
  }

  async function rows(ids: readonly string[]): Promise<CredentialRow[]> {
    const query = db.selectFrom('credentials').selectAll().where('id', 'in', ids).orderBy('id');
    return (locking ? query.forUpdate() : query).execute();
  }

  async function append(event: NewEvent): Promise<EventRow> {
    const row = await write(event);
    await project(db, row);
    return row;
  }

  const transaction: Transaction = {
    db,
    now,
    head: () => written,
    async lock(...credentials) {
      const asked = [...new Set(credentials)];
      const known = await db.selectFrom('credentials').select('id').where('id', 'in', asked).execute();
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
      const seen = await db.selectFrom('versions').select('credential').where('id', '=', id).executeTakeFirst();
      if (seen === undefined) throw unknownVersion(id);
      const [credential] = await rows([await presentName(db, seen.credential)]);
      if (credential === undefined) throw unknownCredential(seen.credential);
      const version = await db.selectFrom('versions').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
      return { version, credential };
    },
    async lockEverything(how) {
      if (!locking) return;
      const query = db.selectFrom('meta').select('key').where('key', '=', 'everything');
      await (how === 'share' ? query.forShare() : query.forUpdate()).execute();
    },
    append,
    async appendNote(event) {
      await write(event);
    },
    async once(event, same) {
      const found = await db
        .selectFrom('events')
        .select(['kind', 'body'])
        .where('fact', '=', event.fact)
        .executeTakeFirst();
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
  const present = await db.selectFrom('credentials').select('id').where('id', '=', id).executeTakeFirst();
  if (present !== undefined) return id;
  const former = await db
    .selectFrom('names')
    .select('credential')
    .where('name', '=', id)
    .orderBy('until_n', 'desc')
    .executeTakeFirst();
  return former?.credential ?? id;
}

export function unknownCredential(id: string): KeybatonError {
  return new KeybatonError('NOT_FOUND', `the ledger knows no credential ${id}: apply an inventory that has it`);
}

export function unknownVersion(id: string): KeybatonError {
  return new KeybatonError('NOT_FOUND', `the ledger knows no version ${id}`);
}
