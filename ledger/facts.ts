import type { CredentialFacts, EpochFacts, RequestFacts } from '../domain/facts.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import { compiled, compiledFirst } from './compiled.ts';
import type { CredentialRow, Db, RequestRow } from './schema.ts';
import { storedEntry } from './stored-entry.ts';
import { readVersions } from './version-facts.ts';

interface Ids {
  readonly [name: string]: readonly string[];
  readonly ids: readonly string[];
}

const selectTrust = compiledFirst((db, { id }: { id: number }) =>
  db.selectFrom('trust').select('observe_only').where('id', '=', id),
);
const selectEpochs = compiled((db, { ids }: Ids) =>
  db.selectFrom('epochs').selectAll().where('credential', 'in', ids).orderBy('n', 'desc'),
);
const selectOpenRuns = compiled((db, { ids }: Ids) =>
  db
    .selectFrom('runs')
    .select(['credential', 'run', 'started_at'])
    .where('credential', 'in', ids)
    .where('ended_at', 'is', null),
);
const selectOpenRequests = compiled((db, { ids }: Ids) =>
  db
    .selectFrom('requests')
    .selectAll()
    .where('closed_at', 'is', null)
    .where((where) => where.or([where('credential', 'in', ids), where('credential', 'is', null)])),
);

/** Everything about these credentials, in the order of the rows: a page costs as many queries as one. */
export async function readFacts(
  db: Db,
  rows: readonly CredentialRow[],
  now: number,
): Promise<readonly CredentialFacts[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const trust = await selectTrust(db, { id: 1 });
  const epochs = Map.groupBy(await selectEpochs(db, { ids }), (row) => row.credential);
  const versions = await readVersions(db, ids);
  const requests = await openRequests(db, ids);
  const runs = await selectOpenRuns(db, { ids });
  return rows.map((row) => {
    const run = runs.find((one) => one.credential === row.id);
    return {
      // Ids and closed lists were checked when they were written; columns are plain text.
      id: row.id as CredentialId,
      now,
      status: row.status as CredentialFacts['status'],
      entry: storedEntry(row.entry),
      observeOnly: trust?.observe_only === 1,
      epochs: (epochs.get(row.id) ?? []).map((epoch) => ({
        epoch: epoch.n,
        version: epoch.version as VersionId,
        why: epoch.why as EpochFacts['why'],
        decidedAt: epoch.decided_at,
      })),
      versions: versions.get(row.id) ?? [],
      due: {
        at: row.due_at ?? undefined,
        lastRotatedAt: row.last_rotated_at ?? undefined,
        failedAttempts: row.attempts,
        nextAttemptAt: row.next_attempt_at ?? undefined,
        reopened: row.reopened === 1,
      },
      requests: requests.filter((one) => one.credential === row.id || one.credential === null).map(requestFacts),
      openRun: run === undefined ? undefined : { run: run.run, startedAt: run.started_at },
    };
  });
}

/** Open requests of these credentials and of everything, oldest first. */
export async function openRequests(db: Db, credentials: readonly string[]): Promise<readonly RequestRow[]> {
  const rows = await selectOpenRequests(db, { ids: credentials });
  return rows.toSorted((one, other) => one.at - other.at || requestOrder(one.id) - requestOrder(other.id));
}

const requestOrder = (id: string): number => Number(id.slice(1));

export function requestFacts(row: RequestRow): RequestFacts {
  return {
    id: row.id,
    kind: row.kind as RequestFacts['kind'],
    credential: row.credential === null ? undefined : (row.credential as CredentialId),
    epoch: row.epoch ?? undefined,
    version: row.version === null ? undefined : (row.version as VersionId),
    release: row.release === null ? undefined : (row.release as NonNullable<RequestFacts['release']>),
    who: row.who,
    why: row.why,
    at: row.at,
  };
}
