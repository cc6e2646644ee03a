import { sql } from 'kysely';
import type { CredentialId } from '../domain/identifiers.ts';
import type { Outcome } from '../domain/rotation.ts';
import type { SweepCandidate } from '../domain/sweep.ts';
import type { CredentialRow, Db } from './schema.ts';
import { leftAlone } from './sweep-lists.ts';
import { storedEntry } from './stored-entry.ts';

/** The reason of a run that tries a spare version; its end is when the spare was last tried. */
const standbyCheck = 'standbyCheck';

/** What a sweep must know of these rows, in their order: as many queries for a page as for one. */
export async function readCandidates(
  db: Db,
  rows: readonly CredentialRow[],
  now: number,
): Promise<readonly SweepCandidate[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const open = await db
    .selectFrom('runs')
    .select(['credential', 'run', 'started_at'])
    .where('credential', 'in', ids)
    .where('ended_at', 'is', null)
    .execute();
  const ended = await lastRuns(db, ids, undefined);
  const requests = await db
    .selectFrom('requests')
    .select(['credential', 'kind'])
    .where('closed_at', 'is', null)
    .where((where) => where.or([where('credential', 'in', ids), where('credential', 'is', null)]))
    .execute();
  const counts = await versionCounts(db, ids, now);
  const mates = await readMates(db, ids);
  const withStandby = rows.filter((row) => row.standby === 1).map((row) => row.id);
  const tried = withStandby.length === 0 ? [] : await lastRuns(db, withStandby, standbyCheck);

  return rows.map((row): SweepCandidate => {
    const { mode, schedule } = storedEntry(row.entry);
    const run = open.find((one) => one.credential === row.id);
    const last = ended.find((one) => one.credential === row.id);
    const count = counts.get(row.id);
    const checkedAt = tried.find((one) => one.credential === row.id)?.ended_at ?? undefined;
    return {
      // Ids and closed lists were checked when they were written; columns are plain text.
      id: row.id as CredentialId,
      status: row.status as SweepCandidate['status'],
      target: row.target,
      mode,
      schedule,
      epoch: row.epoch,
      dueAt: row.due_at ?? undefined,
      lastRotatedAt: row.last_rotated_at ?? undefined,
      reopened: row.reopened === 1,
      failedAttempts: row.attempts,
      nextAttemptAt: row.next_attempt_at ?? undefined,
      openRun: run === undefined ? undefined : { run: run.run, startedAt: run.started_at },
      lastRun:
        last === undefined
          ? undefined
          : {
              reason: last.reason,
              outcome: (last.outcome as Outcome | null) ?? undefined,
              endedAt: last.ended_at ?? 0,
            },
      requests: requests
        .filter((one) => one.credential === row.id || one.credential === null)
        .map((one) => one.kind as SweepCandidate['requests'][number]),
      compromised: count?.compromised ?? 0,
      doomed: count?.doomed ?? 0,
      alive: count?.alive ?? 0,
      endsAt: count?.ends_at ?? undefined,
      standby:
        row.standby === 1
          ? { ready: count?.standby ?? 0, verifiedAt: latest(count?.standby_since ?? undefined, checkedAt) }
          : undefined,
      mates: mates.get(row.id) ?? [],
    };
  });
}

async function lastRuns(db: Db, ids: readonly string[], reason: string | undefined) {
  let query = db
    .selectFrom('runs')
    .select(['credential', 'reason', 'outcome', 'ended_at'])
    .where('credential', 'in', ids)
    .where('ended_at', '=', (one) => {
      const newest = one
        .selectFrom('runs as earlier')
        .select((select) => select.fn.max('earlier.ended_at').as('newest'))
        .whereRef('earlier.credential', '=', 'runs.credential');
      return reason === undefined ? newest : newest.where('earlier.reason', '=', reason);
    });
  if (reason !== undefined) query = query.where('reason', '=', reason);
  return query.execute();
}

interface Counts {
  readonly compromised: number;
  readonly doomed: number;
  readonly alive: number;
  readonly standby: number;
  readonly standby_since: number | null;
  readonly ends_at: number | null;
}

/** A drill's version is doomed from birth, and its own incident kills it: it is owed only once nobody can be at it any more. */
async function versionCounts(db: Db, ids: readonly string[], now: number): Promise<ReadonlyMap<string, Counts>> {
  const rows = await db
    .selectFrom('versions')
    .select([
      'credential',
      sql<number>`count(case when compromised = 1 and ${leftAlone(now)} then 1 end)`.as('compromised'),
      sql<number>`count(case when fate = 'doomed' and debt_moved = 0 and ${leftAlone(now)} then 1 end)`.as('doomed'),
      sql<number>`count(*)`.as('alive'),
      sql<number>`count(case when fate = 'standby' and compromised = 0 and refused = 0 and spent = 0 then 1 end)`.as(
        'standby',
      ),
      sql<number | null>`min(case when fate = 'standby' then created_at end)`.as('standby_since'),
      sql<number | null>`min(case when fate = 'current' then expires_at end)`.as('ends_at'),
    ])
    .where('credential', 'in', ids)
    .where('fate', 'not in', ['dead', 'released'])
    .groupBy('credential')
    .execute();
  return new Map(rows.map((row) => [row.credential, row]));
}

async function readMates(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, SweepCandidate['mates']>> {
  const pairs = await db
    .selectFrom('mates')
    .selectAll()
    .where((where) => where.or([where('credential', 'in', ids), where('mate', 'in', ids)]))
    .execute();
  if (pairs.length === 0) return new Map();
  const named = [...new Set(pairs.flatMap((pair) => [pair.credential, pair.mate]))];
  const rows = await db
    .selectFrom('credentials')
    .leftJoin('runs', (join) => join.onRef('runs.credential', '=', 'credentials.id').on('runs.ended_at', 'is', null))
    .select(['credentials.id', 'credentials.last_rotated_at', 'runs.run'])
    .where('credentials.id', 'in', named)
    .execute();
  const mates = new Map<string, SweepCandidate['mates'][number][]>();
  for (const id of ids) {
    const others = new Set(
      pairs.flatMap(({ credential, mate }) => (credential === id ? [mate] : mate === id ? [credential] : [])),
    );
    const found = rows
      .filter((row) => others.has(row.id))
      .map((row) => ({
        id: row.id as CredentialId,
        lastRotatedAt: row.last_rotated_at ?? undefined,
        running: row.run !== null,
      }));
    if (found.length > 0) mates.set(id, found);
  }
  return mates;
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Math.max(one, other);
}
