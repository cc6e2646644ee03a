import { createHash } from 'node:crypto';
import type { KillFact } from '../domain/incident.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import { canonical } from './canonical.ts';
import type { NewEvent } from './chain.ts';
import { lapseRollBacksToAny } from './requests.ts';
import { releaseWhenNothingLives } from './retirement.ts';
import type { CredentialRow, VersionRow } from './schema.ts';
import type { Transaction } from './transaction.ts';

type FactOf<Kind extends KillFact['kind']> = Extract<KillFact, { readonly kind: Kind }>;
type Change = FactOf<'contained' | 'dead'>;

interface Known {
  readonly versions: ReadonlyMap<string, VersionRow>;
  readonly credentials: ReadonlyMap<string, CredentialRow>;
  /** By version and canonical ref. */
  readonly refs: ReadonlyMap<string, { readonly seen_at: number; readonly gone: number }>;
}

/**
 * What a killer outside did to versions of this incident, in its order for each of them: a hundred facts cost as many
 * statements as one. A fact that is known, or that a later sighting has overtaken, is no change.
 */
export async function recordKills(
  transaction: Transaction,
  incident: string,
  facts: readonly KillFact[],
): Promise<void> {
  const ids = [...new Set(facts.map((fact) => fact.version))];
  const seen = await transaction.db.selectFrom('versions').select('credential').where('id', 'in', ids).execute();
  const owners = [...new Set(seen.map((row) => row.credential))];
  // Ids were checked when they were written.
  await transaction.lock(...owners.map((id) => id as CredentialId));
  const credentials = new Map(
    (await transaction.db.selectFrom('credentials').selectAll().where('id', 'in', owners).execute()).map((row) => [
      row.id,
      row,
    ]),
  );
  for (const wave of waves(facts)) {
    const known = { credentials, ...(await readVersions(transaction, wave)) };
    await appendNew(transaction, [
      ...wave.flatMap((fact) => (fact.kind === 'contained' ? sightings(fact, known, incident) : [])),
      ...wave.flatMap((fact) => (fact.kind === 'contained' ? [containment(fact, known, incident)] : [])),
    ]);
    const died = await appendNew(
      transaction,
      wave.flatMap((fact) => (fact.kind === 'dead' ? death(fact, known, incident) : [])),
    );
    await lapseRollBacksToAny(transaction, died, 'the version it names is dead');
  }
  await appendNew(
    transaction,
    facts.flatMap((fact) => (fact.kind === 'trouble' ? [trouble(fact, incident)] : [])),
  );
  for (const row of credentials.values())
    if (row.status === 'retiring') await releaseWhenNothingLives(transaction, row.id);
}

/** Each wave names a version once, so that it is judged by what the wave before it wrote. */
function waves(facts: readonly KillFact[]): readonly (readonly Change[])[] {
  const all: Change[][] = [];
  const depth = new Map<string, number>();
  for (const fact of facts) {
    if (fact.kind === 'trouble') continue;
    const at = depth.get(fact.version) ?? 0;
    depth.set(fact.version, at + 1);
    (all[at] ??= []).push(fact);
  }
  return all;
}

async function readVersions({ db }: Transaction, wave: readonly Change[]): Promise<Pick<Known, 'versions' | 'refs'>> {
  const ids = wave.map((fact) => fact.version);
  const versions = await db.selectFrom('versions').selectAll().where('id', 'in', ids).execute();
  const refs = await db.selectFrom('refs').selectAll().where('version', 'in', ids).execute();
  return {
    versions: new Map(versions.map((row) => [row.id, row])),
    refs: new Map(refs.map((row) => [`${row.version} ${row.ref_key}`, row])),
  };
}

/** Writes those whose natural key is new; answers the versions they are about. */
async function appendNew(
  transaction: Transaction,
  events: readonly (NewEvent<string> & { readonly version: string; readonly fact: string })[],
): Promise<readonly string[]> {
  const written = await transaction.known(events.map((event) => event.fact));
  const fresh = new Map(events.filter((event) => !written.has(event.fact)).map((event) => [event.fact, event]));
  await transaction.appendAll([...fresh.values()]);
  return [...fresh.values()].map((event) => event.version);
}

/** Refs the ledger did not know, or thought gone: a version proved dead before they were seen is owed again. */
function sightings(fact: FactOf<'contained'>, known: Known, incident: string) {
  const row = known.versions.get(fact.version);
  if (row === undefined || (row.dead_at !== null && fact.at <= row.dead_at)) return [];
  const listed = new Set((fact.seen ?? []).map(canonical));
  return fact.refs.flatMap((ref) => {
    const key = canonical(ref);
    const earlier = known.refs.get(`${fact.version} ${key}`);
    if (earlier !== undefined && (earlier.gone === 0 || !listed.has(key))) return [];
    return {
      kind: 'ref.seen',
      ...about(fact, row, incident),
      fact: `seen:${incident}:${fact.version}:${digest([key, fact.at])}`,
      body: { ref, at: fact.at },
    };
  });
}

function containment(fact: FactOf<'contained'>, known: Known, incident: string) {
  const row = known.versions.get(fact.version);
  const refs = fact.refs.map(canonical).toSorted();
  return {
    kind: 'version.contained',
    ...about(fact, row, incident),
    epoch: known.credentials.get(row?.credential ?? '')?.epoch ?? 0,
    fact: `contained:${incident}:${fact.version}:${digest(refs)}`,
    body: { at: fact.at, refs: fact.refs },
  };
}

function death(fact: FactOf<'dead'>, known: Known, incident: string) {
  const row = known.versions.get(fact.version);
  if (row === undefined) return [];
  if (row.dead_at !== null && (row.grade === fact.grade || row.grade === 'refused')) return [];
  // Proved before a twin of it was seen alive: that proof is overtaken.
  const twinSince = (key: string, ref: { readonly seen_at: number; readonly gone: number }): boolean =>
    key.startsWith(`${fact.version} `) && ref.gone === 0 && ref.seen_at > fact.at;
  if (row.revivals > 0 && [...known.refs].some(([key, ref]) => twinSince(key, ref))) return [];
  return [
    {
      kind: 'version.dead',
      ...about(fact, row, incident),
      fact: `dead:${fact.version}:${fact.grade}:${row.revivals}`,
      body: { grade: fact.grade, at: fact.at },
    },
  ];
}

function trouble(fact: FactOf<'trouble'>, incident: string) {
  return {
    kind: 'version.trouble',
    credential: fact.credential,
    version: fact.version,
    incident,
    fact: `trouble:${incident}:${fact.version}:${fact.at}:${fact.code}`,
    body: { at: fact.at, code: fact.code, why: fact.why },
  };
}

function about(fact: KillFact, row: VersionRow | undefined, incident: string) {
  return { credential: row?.credential ?? fact.credential, version: fact.version, incident };
}

const digest = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex').slice(0, 32);
