import { sql } from 'kysely';
import { drillBegins } from '../domain/plan.ts';
import type { CredentialRow, Db } from './schema.ts';
import type { SweepPageQuery } from './sweep-ledger.ts';

interface Listed {
  readonly rows: readonly CredentialRow[];
  readonly next: string | undefined;
}

/** One page of rows that a sweep must look at, and where the next begins. */
export async function listRows(db: Db, page: SweepPageQuery, now: number): Promise<Listed> {
  switch (page.list) {
    case 'due':
      return due(db, page, now);
    case 'never':
      return never(db, page);
    case 'attention':
      return attention(db, page, now);
  }
}

async function due(db: Db, { after, limit, exceptTargets = [] }: SweepPageQuery, now: number): Promise<Listed> {
  let query = db
    .selectFrom('credentials')
    .selectAll()
    .where('status', '=', 'managed')
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .orderBy('id')
    .limit(limit);
  if (exceptTargets.length > 0) query = query.where('target', 'not in', exceptTargets);
  if (after !== undefined) {
    const [at = '', id = ''] = after.split(' ');
    query = query.where((where) =>
      where.or([where('due_at', '>', Number(at)), where.and([where('due_at', '=', Number(at)), where('id', '>', id)])]),
    );
    // Said twice, so that both databases begin at the right place of the index.
    query = query.where('due_at', '>=', Number(at));
  }
  const rows = await query.execute();
  return { rows, next: cursor(rows, limit, (row) => `${row.due_at ?? 0} ${row.id}`) };
}

async function never(db: Db, { after, limit, exceptTargets = [] }: SweepPageQuery): Promise<Listed> {
  let query = db
    .selectFrom('credentials')
    .selectAll()
    .where('status', '=', 'managed')
    .where('epoch', '=', 0)
    .where('since', '>', Number(after ?? 0))
    .orderBy('since')
    .limit(limit);
  if (exceptTargets.length > 0) query = query.where('target', 'not in', exceptTargets);
  const rows = await query.execute();
  return { rows, next: cursor(rows, limit, (row) => String(row.since)) };
}

/**
 * Each branch reads an index that holds nothing but such rows, in id order and no further than the page: so a page of
 * the union is a page of each. Those with an open run are looked after by it.
 */
async function attention(
  db: Db,
  { after = '', limit, standbyTriedBefore = 0 }: SweepPageQuery,
  now: number,
): Promise<Listed> {
  const quiet = (id: string) =>
    sql`not exists (select 1 from runs where runs.credential = ${sql.ref(id)} and runs.ended_at is null)`;
  const rested = sql`(next_attempt_at is null or next_attempt_at <= ${now})`;
  const found = await sql<{ id: string }>`
    select id from (select id from credentials
      where reopened = 1 and status = 'managed' and id > ${after} and ${quiet('credentials.id')} order by id limit ${limit}) as leaked
    union select id from (select distinct credential as id from requests
      where closed_at is null and kind in ('rotate', 'rollBack') and credential > ${after} and ${quiet('requests.credential')}
      order by credential limit ${limit}) as asked
    union select id from (select distinct credential as id from versions
      where fate = 'doomed' and (debt_moved = 0 or compromised = 1) and ${leftAlone(now)} and credential > ${after}
        and ${quiet('versions.credential')}
      order by credential limit ${limit}) as owed
    union select id from (select distinct credential as id from versions
      where fate = 'current' and compromised = 1 and credential > ${after} and ${quiet('versions.credential')}
      order by credential limit ${limit}) as compromised
    union select id from (select id from credentials
      where status = 'retiring' and id > ${after} and ${rested} and ${quiet('credentials.id')}
        and exists (select 1 from versions where versions.credential = credentials.id and fate not in ('dead', 'released'))
      order by id limit ${limit}) as retiring
    union select id from (select id from credentials
      where standby = 1 and status = 'managed' and epoch > 0 and id > ${after} and ${rested} and ${quiet('credentials.id')}
        and not exists (select 1 from versions where versions.credential = credentials.id and fate = 'standby' and created_at > ${standbyTriedBefore})
        and not exists (select 1 from runs where runs.credential = credentials.id and ended_at > ${standbyTriedBefore} and reason = 'standbyCheck'
          and exists (select 1 from versions where versions.credential = credentials.id and fate = 'standby'))
      order by id limit ${limit}) as spare
    order by id limit ${limit}`.execute(db);
  const ids = found.rows.map((row) => row.id);
  const rows =
    ids.length === 0
      ? []
      : await db.selectFrom('credentials').selectAll().where('id', 'in', ids).orderBy('id').execute();
  return { rows, next: cursor(rows, limit, (row) => row.id) };
}

/** No drill can be at it any more: until then its own incident kills it. */
export function leftAlone(now: number) {
  return sql<boolean>`(drill = 0 or (versions.created_at <= ${now - drillBegins} and not exists (select 1 from intents
    where intents.version = versions.id and intents.effect = 'issue' and intents.until > ${now})))`;
}

/** A page that is not full was the last. */
function cursor(rows: readonly CredentialRow[], limit: number, of: (row: CredentialRow) => string): string | undefined {
  const last = rows.at(-1);
  return last === undefined || rows.length < limit ? undefined : of(last);
}
