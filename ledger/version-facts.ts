import type { Ref, VersionFacts } from '../domain/facts.ts';
import type { VersionId } from '../domain/identifiers.ts';
import type { Db, VersionRow } from './schema.ts';

/** The versions of these credentials, oldest first, by credential. */
export async function readVersions(
  db: Db,
  credentials: readonly string[],
): Promise<ReadonlyMap<string, readonly VersionFacts[]>> {
  const rows = await db
    .selectFrom('versions')
    .selectAll()
    .where('credential', 'in', credentials)
    .orderBy('ordinal')
    .execute();
  const ours = db.selectFrom('versions').select('id').where('credential', 'in', credentials);
  const refs = Map.groupBy(
    await db
      .selectFrom('refs')
      .selectAll()
      .where('version', 'in', ours)
      .orderBy('seen_at')
      .orderBy('ref_key')
      .execute(),
    (row) => row.version,
  );
  const intents = Map.groupBy(
    await db
      .selectFrom('intents')
      .selectAll()
      .where('version', 'in', ours)
      .orderBy('until')
      .orderBy('effect')
      .orderBy('place')
      .orderBy('epoch')
      .execute(),
    (row) => row.version,
  );
  const copies = Map.groupBy(
    await db
      .selectFrom('copies')
      .selectAll()
      .where('version', 'in', ours)
      .orderBy('backend')
      .orderBy('kept_as', 'desc')
      .orderBy('path')
      .execute(),
    (row) => row.version,
  );
  const facts = rows.map((row) => ({
    credential: row.credential,
    facts: {
      ...versionFacts(row),
      refs: (refs.get(row.id) ?? []).map((one) => ({ ref: storedRef(one.ref_key), gone: one.gone === 1 })),
      // Closed lists below were checked when they were written; columns are plain text.
      copies: (copies.get(row.id) ?? []).map((one) => ({
        backend: one.backend,
        path: one.path,
        as: one.kept_as as 'staged' | 'main',
        epoch: one.epoch ?? undefined,
        gone: one.gone === 1,
      })),
      intents: (intents.get(row.id) ?? []).map((one) => ({
        effect: one.effect as VersionFacts['intents'][number]['effect'],
        place: one.place,
        until: one.until,
        outcome: one.outcome === null ? undefined : (one.outcome as 'done' | 'failed'),
        ref: one.ref_key === null ? undefined : storedRef(one.ref_key),
      })),
    },
  }));
  return new Map(
    [...Map.groupBy(facts, (one) => one.credential)].map(([credential, all]) => [
      credential,
      all.map((one) => one.facts),
    ]),
  );
}

/** A ref's key is its canonical JSON. */
export function storedRef(key: string): Ref {
  return JSON.parse(key) as Ref;
}

function versionFacts(row: VersionRow): Omit<VersionFacts, 'refs' | 'copies' | 'intents'> {
  return {
    // Ids and closed lists were checked when they were written; columns are plain text.
    id: row.id as VersionId,
    fate: row.fate as VersionFacts['fate'],
    everCurrent: row.ever_current === 1,
    compromised: row.compromised === 1,
    suspended: row.suspended_at !== null,
    spent: row.spent === 1,
    refused: row.refused === 1,
    issued: row.issued === 1,
    target: row.target,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    fingerprint: row.fingerprint ?? undefined,
    baseline: storedBaseline(row.baseline),
    authorisedEpoch: row.authorised_epoch ?? undefined,
    killBegun: row.kill_begun === 1,
    suspendedAt: row.suspended_at ?? undefined,
    dead:
      row.dead_at === null || row.grade === null
        ? undefined
        : { at: row.dead_at, grade: row.grade as 'refused' | 'absent' },
    refusals:
      row.first_refusal_at === null || row.last_refusal_at === null
        ? undefined
        : { count: row.refusals, firstAt: row.first_refusal_at, lastAt: row.last_refusal_at },
    onlyByHand: row.only_by_hand === 1,
    debtMoved: row.debt_moved === 1,
  };
}

function storedBaseline(text: string | null): VersionFacts['baseline'] {
  if (text === null) return undefined;
  // Written by `planVersion`.
  const baseline = JSON.parse(text) as NonNullable<VersionFacts['baseline']>;
  return { ...baseline, replaces: baseline.replaces };
}
