import type { Ref, VersionFacts } from '../domain/facts.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { compiled } from './compiled.ts';
import { parsedOnce } from './parsed-once.ts';
import type { Db, VersionRow } from './schema.ts';

interface Ids {
  readonly [name: string]: readonly string[];
  readonly ids: readonly string[];
}

const ours = (db: Db, ids: readonly string[]) => db.selectFrom('versions').select('id').where('credential', 'in', ids);
const selectVersions = compiled((db, { ids }: Ids) =>
  db.selectFrom('versions').selectAll().where('credential', 'in', ids).orderBy('ordinal'),
);
const selectRefs = compiled((db, { ids }: Ids) =>
  db.selectFrom('refs').selectAll().where('version', 'in', ours(db, ids)).orderBy('seen_at').orderBy('ref_key'),
);
const selectIntents = compiled((db, { ids }: Ids) =>
  db
    .selectFrom('intents')
    .selectAll()
    .where('version', 'in', ours(db, ids))
    .orderBy('until')
    .orderBy('effect')
    .orderBy('place')
    .orderBy('epoch'),
);
const selectCopies = compiled((db, { ids }: Ids) =>
  db
    .selectFrom('copies')
    .selectAll()
    .where('version', 'in', ours(db, ids))
    .orderBy('backend')
    .orderBy('kept_as', 'desc')
    .orderBy('path'),
);

/** The versions of these credentials, oldest first, by credential. */
export async function readVersions(
  db: Db,
  credentials: readonly string[],
): Promise<ReadonlyMap<string, readonly VersionFacts[]>> {
  const ids = credentials;
  const rows = await selectVersions(db, { ids });
  const refs = Map.groupBy(await selectRefs(db, { ids }), (row) => row.version);
  const intents = Map.groupBy(await selectIntents(db, { ids }), (row) => row.version);
  const copies = Map.groupBy(await selectCopies(db, { ids }), (row) => row.version);
  const declared = rows.some((row) => row.compromised === 1)
    ? await declarations(db, credentials)
    : new Map<string, Declared>();
  const facts = rows.map((row) => ({
    credential: row.credential,
    facts: {
      ...versionFacts(row),
      compromisedAt: declared.get(row.id)?.at ?? row.compromised_at ?? undefined,
      containedAt: declared.get(row.id)?.contained,
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

interface Declared {
  readonly at: number;
  readonly contained: number | undefined;
}

/** When the earliest open incident over each version was declared, and when the latest contained it. */
async function declarations(db: Db, credentials: readonly string[]): Promise<ReadonlyMap<string, Declared>> {
  const rows = await db
    .selectFrom('incident_versions')
    .innerJoin('incidents', 'incidents.id', 'incident_versions.incident')
    .select(({ fn }) => [
      'incident_versions.version',
      fn.min('incidents.declared_at').as('at'),
      fn.max('incident_versions.contained_at').as('contained'),
    ])
    // By version: nothing finds them by credential but a look at every one.
    .where('incident_versions.version', 'in', ours(db, credentials))
    .where('incidents.closed_at', 'is', null)
    .groupBy('incident_versions.version')
    .execute();
  return new Map(
    rows.map(({ version, at, contained }) => [
      version,
      // PostgreSQL answers aggregates of large integers as text.
      { at: Number(at), contained: (contained as unknown) === null ? undefined : Number(contained) },
    ]),
  );
}

/** A ref's key is its canonical JSON. */
export const storedRef = parsedOnce<Ref>();

function versionFacts(
  row: VersionRow,
): Omit<VersionFacts, 'refs' | 'copies' | 'intents' | 'compromisedAt' | 'containedAt'> {
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
    drill: row.drill === 1,
  };
}

/** Written by `planVersion`. */
const parsedBaseline = parsedOnce<NonNullable<VersionFacts['baseline']>>();

function storedBaseline(text: string | null): VersionFacts['baseline'] {
  if (text === null) return undefined;
  const baseline = parsedBaseline(text);
  return { ...baseline, replaces: baseline.replaces };
}
