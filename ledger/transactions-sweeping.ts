import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import { canonical } from './canonical.ts';
import { readKeptKeys } from './kept-keys.ts';
import { readNote, writeNote } from './notes.ts';
import { readCandidates } from './sweep-candidates.ts';
import type { Db } from './schema.ts';
import type { Store } from './store.ts';
import type { StandingAlarm, SweepLedger } from './sweep-ledger.ts';
import { listRows } from './sweep-lists.ts';
import { storedRef } from './version-facts.ts';

export function sweepTransactions(store: Store): SweepLedger {
  return {
    async appliedTargets() {
      const row = await store.read((db) =>
        db.selectFrom('inventory').select('targets').where('id', '=', 1).executeTakeFirst(),
      );
      return row === undefined ? {} : (JSON.parse(row.targets) as unknown);
    },

    async trusted() {
      const row = await store.read((db) =>
        db.selectFrom('trust').select('observe_only').where('id', '=', 1).executeTakeFirst(),
      );
      return row?.observe_only !== 1;
    },

    async sweepPage(page) {
      return store.read(async (db, now) => {
        const { rows, next } = await listRows(db, page, now);
        return { candidates: await readCandidates(db, rows, now), next, now };
      });
    },

    async sweepCandidates(ids) {
      if (ids.length === 0) return [];
      return store.read(async (db, now) =>
        readCandidates(
          db,
          await db.selectFrom('credentials').selectAll().where('id', 'in', ids).orderBy('id').execute(),
          now,
        ),
      );
    },

    async openRuns({ after = '', startedBefore, limit }) {
      const rows = await store.read((db) =>
        db
          .selectFrom('runs')
          .select(['credential', 'run'])
          .where('ended_at', 'is', null)
          .where('credential', '>', after)
          .where('started_at', '<', startedBefore)
          .orderBy('credential')
          .limit(limit)
          .execute(),
      );
      // Ids were checked when they were written, here and below.
      return rows.map((row) => ({ credential: row.credential as CredentialId, run: row.run }));
    },

    async openDebts({ after = '', limit }) {
      const rows = await store.read((db) =>
        db
          .selectFrom('versions')
          .select(['id', 'credential'])
          .where('debt_moved', '=', 1)
          .where('fate', 'not in', ['dead', 'released', 'current'])
          .where('id', '>', after)
          .orderBy('id')
          .limit(limit)
          .execute(),
      );
      return rows.map((row) => ({ credential: row.credential as CredentialId, version: row.id as VersionId }));
    },

    async quietCredentials({ after = '', limit }) {
      const rows = await store.read((db) =>
        db
          .selectFrom('credentials')
          .select('id')
          .where('status', '=', 'managed')
          .where('epoch', '>', 0)
          .where('id', '>', after)
          .where((where) =>
            where.not(
              where.exists(
                where
                  .selectFrom('runs')
                  .select('runs.run')
                  .whereRef('runs.credential', '=', 'credentials.id')
                  .where('runs.ended_at', 'is', null),
              ),
            ),
          )
          .orderBy('id')
          .limit(limit)
          .execute(),
      );
      return rows.map((row) => row.id as CredentialId);
    },

    async incidentTargets() {
      const rows = await store.read((db) =>
        db
          .selectFrom('incidents')
          .innerJoin('incident_versions', 'incident_versions.incident', 'incidents.id')
          .innerJoin('versions', 'versions.id', 'incident_versions.version')
          .select('versions.target')
          .distinct()
          .where('incidents.closed_at', 'is', null)
          .where('incidents.drill', '=', 0)
          .execute(),
      );
      return rows.map((row) => row.target).toSorted();
    },

    async usedTargets() {
      return store.read(async (db) => {
        const entries = await db
          .selectFrom('credentials')
          .select('target')
          .distinct()
          .where('status', '!=', 'released')
          .execute();
        const made = await db.selectFrom('versions').select('target').distinct().execute();
        return [...new Set([...entries, ...made].map((row) => row.target))].toSorted();
      });
    },

    async keysOfTarget(target) {
      return store.read((db) => readKeptKeys(db, target));
    },

    async alarmPage({ after, limit }) {
      const rows = await store.read((db) => {
        const query = db.selectFrom('alarms').selectAll().where('cured_at', 'is', null);
        const rest =
          after === undefined
            ? query
            : query.where((where) =>
                where.or([
                  where('credential', '>', after.credential),
                  where.and([where('credential', '=', after.credential), where('key', '>', after.key)]),
                ]),
              );
        return rest.orderBy('credential').orderBy('key').limit(limit).execute();
      });
      return rows.map((row): StandingAlarm => ({
        credential: row.credential as CredentialId,
        key: row.key,
        text: row.text,
        page: row.page === 1,
        raisedAt: row.raised_at,
        reminders: row.reminders,
        nextAt: row.next_at ?? row.raised_at,
      }));
    },

    async remindAlarm({ credential, key, count, nextAt }) {
      await store.write(async (transaction) => {
        const row = await transaction.lock(credential);
        const open = await transaction.db
          .selectFrom('alarms')
          .select('reminders')
          .where('credential', '=', row.id)
          .where('key', '=', key)
          .where('cured_at', 'is', null)
          .executeTakeFirst();
        if (open === undefined || open.reminders >= count) return;
        await transaction.append({ kind: 'alarm.reminded', credential: row.id, body: { key, count, nextAt } });
      });
    },

    remembered: (key) => store.read((db) => readNote(db, key)),
    remember: (key, value) => store.write(({ db }) => writeNote(db, key, value)),

    async sighted({ target, kind, refs }) {
      return store.write(async ({ db, now }) => {
        const keys = [...new Set(refs.map((ref) => canonical(ref)))];
        let gone = db.deleteFrom('sightings').where('target', '=', target).where('kind', '=', kind);
        if (keys.length > 0) gone = gone.where('ref_key', 'not in', keys);
        await gone.execute();
        for (const key of keys) {
          await db
            .insertInto('sightings')
            .values({ target, kind, ref_key: key, first_at: now, last_at: now })
            .onConflict((conflict) => conflict.columns(['target', 'kind', 'ref_key']).doUpdateSet({ last_at: now }))
            .execute();
        }
        return seenAt(db, target, kind);
      });
    },

    async sightings(kind) {
      const rows = await store.read((db) =>
        db.selectFrom('sightings').selectAll().where('kind', '=', kind).orderBy('target').orderBy('ref_key').execute(),
      );
      return rows.map((row) => ({ target: row.target, ...sightingOf(row) }));
    },

    async ignoreKey({ target, ref, who, why }) {
      if (why.trim() === '') throw new KeybatonError('INVALID_CONFIG', 'say why this key is to be ignored');
      await store.write(async (transaction) => {
        const known = await transaction.db
          .selectFrom('ignored_keys')
          .select('why')
          .where('target', '=', target)
          .where('ref_key', '=', canonical(ref))
          .executeTakeFirst();
        if (known?.why === why) return;
        await transaction.append({ kind: 'key.ignored', actor: who, body: { target, ref, who, why } });
      });
    },

    async ignoredKeys(target) {
      const rows = await store.read((db) =>
        db.selectFrom('ignored_keys').selectAll().where('target', '=', target).orderBy('ref_key').execute(),
      );
      return rows.map((row) => ({ ref: storedRef(row.ref_key), who: row.who, why: row.why }));
    },
  };
}

async function seenAt(db: Db, target: string, kind: string) {
  const rows = await db
    .selectFrom('sightings')
    .selectAll()
    .where('target', '=', target)
    .where('kind', '=', kind)
    .orderBy('ref_key')
    .execute();
  return rows.map(sightingOf);
}

const sightingOf = (row: { ref_key: string; first_at: number; last_at: number }) => ({
  ref: storedRef(row.ref_key),
  firstAt: row.first_at,
  lastAt: row.last_at,
});
