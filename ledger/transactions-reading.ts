import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import { readFacts } from './facts.ts';
import type { Alarm, Ledger, LedgerEvent } from './ledger.ts';
import { compiled, compiledFirst } from './compiled.ts';
import type { CredentialRow, Db, EventRow } from './schema.ts';
import type { Store } from './store.ts';
import { presentName, unknownCredential, unknownVersion } from './transaction.ts';
import { storedRef } from './version-facts.ts';

type Methods =
  'clock' | 'facts' | 'list' | 'findFingerprint' | 'credentialOf' | 'refsOfTarget' | 'history' | 'openAlarms';

export function readingTransactions(store: Store): Pick<Ledger, Methods> {
  return {
    async clock() {
      return store.read(async (_db, now) => now);
    },

    async facts(credential) {
      return store.read(async (db, now) => {
        const [facts] = await readFacts(db, [await credentialRow(db, credential)], now);
        if (facts === undefined) throw unknownCredential(credential);
        return facts;
      });
    },

    async list({ after, limit }) {
      return store.read(async (db, now) => {
        let query = db.selectFrom('credentials').selectAll().orderBy('id').limit(limit);
        if (after !== undefined) query = query.where('id', '>', after);
        return readFacts(db, await query.execute(), now);
      });
    },

    async findFingerprint(fingerprint) {
      const row = await store.read((db) =>
        db
          .selectFrom('versions')
          .select(['id', 'credential'])
          .where('fingerprint', '=', fingerprint)
          .orderBy('ordinal', 'desc')
          .executeTakeFirst(),
      );
      // Ids were checked when they were written.
      return row === undefined
        ? undefined
        : { credential: row.credential as CredentialId, version: row.id as VersionId };
    },

    async credentialOf(version) {
      const row = await store.read((db) =>
        db.selectFrom('versions').select('credential').where('id', '=', version).executeTakeFirst(),
      );
      if (row === undefined) throw unknownVersion(version);
      return row.credential as CredentialId;
    },

    async refsOfTarget(target) {
      const rows = await store.read((db) => selectRefsOfTarget(db, { target }));
      return rows.map((row) => ({
        credential: row.credential as CredentialId,
        version: row.id as VersionId,
        ref: storedRef(row.ref_key),
        gone: row.gone === 1,
        dead: row.fate === 'dead',
      }));
    },

    async history({ credential, afterN, limit }) {
      return store.read(async (db) => {
        let query = db.selectFrom('events').selectAll().limit(limit);
        if (credential !== undefined) {
          const names = await namesOf(db, await credentialRow(db, credential));
          query = query.where((where) =>
            where.or(
              names.map(({ name, from, until }) =>
                where.and([where('credential', '=', name), where('n', '>=', from), where('n', '<=', until)]),
              ),
            ),
          );
        }
        if (afterN !== undefined) return (await query.where('n', '>', afterN).orderBy('n').execute()).map(ledgerEvent);
        return (await query.orderBy('n', 'desc').execute()).toReversed().map(ledgerEvent);
      });
    },

    async openAlarms(credential) {
      return store.read(async (db) => {
        let query = db
          .selectFrom('alarms')
          .selectAll()
          .where('cured_at', 'is', null)
          .orderBy('raised_at')
          .orderBy('credential')
          .orderBy('key');
        if (credential !== undefined) query = query.where('credential', '=', await presentName(db, credential));
        return (await query.execute()).map((row): Alarm => ({
          credential: row.credential as CredentialId,
          key: row.key,
          text: row.text,
          page: row.page === 1,
          raisedAt: row.raised_at,
        }));
      });
    },
  };
}

const selectRefsOfTarget = compiled((db, { target }: { readonly target: string }) =>
  db
    .selectFrom('versions')
    .innerJoin('refs', 'refs.version', 'versions.id')
    .select(['versions.id', 'versions.credential', 'versions.fate', 'refs.ref_key', 'refs.gone'])
    .where('versions.target', '=', target)
    .orderBy('versions.ordinal')
    .orderBy('refs.ref_key'),
);
const selectCredential = compiledFirst((db, given: { readonly id: string }) =>
  db.selectFrom('credentials').selectAll().where('id', '=', given.id),
);

export async function credentialRow(db: Db, id: CredentialId): Promise<CredentialRow> {
  const row = (await selectCredential(db, { id })) ?? (await selectCredential(db, { id: await presentName(db, id) }));
  if (row === undefined) throw unknownCredential(id);
  return row;
}

/** Every name the credential had, and from which event to which: a name can later belong to another credential. */
async function namesOf(db: Db, row: CredentialRow): Promise<{ name: string; from: number; until: number }[]> {
  const former = await db.selectFrom('names').selectAll().where('credential', '=', row.id).orderBy('until_n').execute();
  const since = Math.max(row.since, ...former.map((one) => one.until_n));
  return [
    ...former.map((one) => ({ name: one.name, from: one.from_n, until: one.until_n })),
    { name: row.id, from: since, until: Number.MAX_SAFE_INTEGER },
  ];
}

function ledgerEvent(row: EventRow): LedgerEvent {
  return {
    n: row.n,
    at: row.at,
    actor: row.actor,
    kind: row.kind,
    // Ids were checked when they were written; bodies are written as objects.
    credential: row.credential === null ? undefined : (row.credential as CredentialId),
    version: row.version === null ? undefined : (row.version as VersionId),
    epoch: row.epoch ?? undefined,
    incident: row.incident ?? undefined,
    body: JSON.parse(row.body) as Readonly<Record<string, unknown>>,
  };
}
