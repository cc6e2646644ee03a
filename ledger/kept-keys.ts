import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { KeptKey } from '../domain/reconcile.ts';
import type { Db } from './schema.ts';
import { storedRef } from './version-facts.ts';

/** Versions of one target with their refs, open intents and whether a run is open of their credential. */
export async function readKeptKeys(db: Db, target: string): Promise<readonly KeptKey[]> {
  const versions = await db
    .selectFrom('versions')
    .select(['id', 'credential', 'fate', 'issued', 'suspended_at', 'compromised', 'created_at', 'expires_at'])
    .where('target', '=', target)
    .orderBy('ordinal')
    .execute();
  const ours = db.selectFrom('versions').select('id').where('target', '=', target);
  const refs = Map.groupBy(
    await db.selectFrom('refs').selectAll().where('version', 'in', ours).orderBy('ref_key').execute(),
    (row) => row.version,
  );
  const intents = await db
    .selectFrom('intents')
    .select((one) => ['version', one.fn.max('until').as('until')])
    .where('version', 'in', ours)
    .where('outcome', 'is', null)
    .groupBy('version')
    .execute();
  const untils = new Map(intents.map((row) => [row.version, row.until]));
  const running = await db
    .selectFrom('runs')
    .select('credential')
    .where('ended_at', 'is', null)
    .where('credential', 'in', db.selectFrom('versions').select('credential').where('target', '=', target))
    .execute();
  const busy = new Set(running.map((row) => row.credential));
  return versions.map((row): KeptKey => ({
    // Ids and closed lists were checked when they were written; columns are plain text.
    credential: row.credential as CredentialId,
    version: row.id as VersionId,
    fate: row.fate as KeptKey['fate'],
    refs: (refs.get(row.id) ?? []).map((one) => ({ ref: storedRef(one.ref_key), gone: one.gone === 1 })),
    issued: row.issued === 1,
    suspended: row.suspended_at !== null,
    compromised: row.compromised === 1,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    intentUntil: untils.get(row.id) ?? 0,
    running: busy.has(row.credential),
  }));
}
