import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import { canonical } from './canonical.ts';
import { readEvidence, readWatch, stillMissing } from './evidence-facts.ts';
import type { Ledger } from './ledger.ts';
import { readNote, writeNote } from './notes.ts';
import { readServed, servedKey, stillServed } from './served.ts';
import type { CredentialRow, Db } from './schema.ts';
import { storedEntry } from './stored-entry.ts';
import type { Store } from './store.ts';
import { credentialRow } from './transactions-reading.ts';
import { storedRef } from './version-facts.ts';

type Methods =
  | 'evidence'
  | 'served'
  | 'beat'
  | 'leave'
  | 'prove'
  | 'withdraw'
  | 'waive'
  | 'watch'
  | 'watched'
  | 'ownProbe'
  | 'toWatch';

export function evidenceTransactions(store: Store): Pick<Ledger, Methods> {
  return {
    async evidence(credential) {
      return store.read(async (db) => readEvidence(db, await credentialRow(db, credential)));
    },

    async served({ every }) {
      await store.write(async ({ db, now }) => {
        const known = readServed(await readNote(db, servedKey));
        await writeNote(db, servedKey, JSON.stringify(stillServed(known, now, every)));
      });
    },

    async beat({ credential, consumer, instance, boot, lease }) {
      return store.write(async (transaction) => {
        const { db, now } = transaction;
        const row = await transaction.lock(credential);
        await refuseUnknownConsumer(db, row, consumer);
        const name = { credential: row.id, consumer, instance };
        const present = await presentInstance(db, name);
        const leaseUntil = now + lease;
        if (present?.boot !== boot) {
          if (present !== undefined && (present.lease_until ?? 0) > now) {
            throw new KeybatonError(
              'CONFLICT',
              `${consumer}/${instance} is still beating under another boot: give every running copy its own name, or wait for its lease to end`,
            );
          }
          const actor = `consumer:${consumer}/${instance}`;
          await transaction.append({
            kind: 'instance.registered',
            actor,
            credential: row.id,
            body: { consumer, instance, boot, replaces: present?.boot ?? null },
          });
        }
        await db
          .insertInto('leases')
          .values({ ...name, boot, seen_at: now, lease_until: leaseUntil })
          .onConflict((conflict) =>
            conflict
              .columns(['credential', 'consumer', 'instance', 'boot'])
              .doUpdateSet({ seen_at: now, lease_until: leaseUntil }),
          )
          .execute();
        return { leaseUntil };
      });
    },

    async leave({ credential, consumer, instance, how }) {
      await store.write(async (transaction) => {
        const row = await transaction.lock(credential);
        const present = await presentInstance(transaction.db, { credential: row.id, consumer, instance });
        if (present === undefined) {
          const known = await transaction.db
            .selectFrom('instances')
            .select('boot')
            .where('credential', '=', row.id)
            .where('consumer', '=', consumer)
            .where('instance', '=', instance)
            .executeTakeFirst();
          if (known === undefined)
            throw new KeybatonError('NOT_FOUND', `no instance ${consumer}/${instance} ever registered`);
          return;
        }
        await transaction.append({
          kind: 'instance.left',
          credential: row.id,
          body: { consumer, instance, boot: present.boot, how },
        });
      });
    },

    async prove({ credential, epoch, consumer, instance, kind, actor, why }) {
      return store.write(async (transaction) => {
        const { db } = transaction;
        const row = await transaction.lock(credential);
        refuseOtherEpoch(row, epoch);
        await refuseUnknownConsumer(db, row, consumer);
        const known = await db
          .selectFrom('evidence')
          .select('withdrawn')
          .where('credential', '=', row.id)
          .where('epoch', '=', epoch)
          .where('consumer', '=', consumer)
          .where('instance', '=', instance ?? '')
          .where('kind', '=', kind)
          .executeTakeFirst();
        if (known?.withdrawn !== 0) {
          await transaction.append({
            kind: 'evidence.recorded',
            actor,
            credential: row.id,
            epoch,
            body: { consumer, instance: instance ?? null, kind, why: why ?? null },
          });
        }
        return { missing: (await stillMissing(db, row, transaction.now)).length };
      });
    },

    async withdraw({ credential, epoch, consumer, instance, what, version }) {
      await store.write(async (transaction) => {
        const row = await transaction.lock(credential);
        if (epoch < 1 || epoch > row.epoch)
          throw new KeybatonError('CONFLICT', `epoch ${epoch} was never decided; ${row.epoch} is the newest`);
        const actor = `consumer:${consumer}/${instance}`;
        await transaction.append({
          kind: 'evidence.withdrawn',
          actor,
          credential: row.id,
          epoch,
          body: { consumer, instance, what, fellBackTo: version ?? null },
        });
      });
    },

    async waive({ credential, epoch, consumer, instance, who, why }) {
      await store.write(async (transaction) => {
        const { db } = transaction;
        const row = await transaction.lock(credential);
        refuseOtherEpoch(row, epoch);
        const demanded = await db
          .selectFrom('demands')
          .select('consumer')
          .where('credential', '=', row.id)
          .where('epoch', '=', epoch)
          .where('consumer', '=', consumer)
          .executeTakeFirst();
        if (demanded === undefined)
          throw new KeybatonError('NOT_FOUND', `epoch ${epoch} demands nothing of consumer ${consumer}`);
        const given = await db
          .selectFrom('waivers')
          .select('who')
          .where('credential', '=', row.id)
          .where('epoch', '=', epoch)
          .where('consumer', '=', consumer)
          .where('instance', '=', instance ?? '')
          .executeTakeFirst();
        if (given !== undefined) return;
        await transaction.append({
          kind: 'demand.waived',
          actor: who,
          credential: row.id,
          epoch,
          body: { consumer, instance: instance ?? null, who, why },
        });
      });
    },

    async watch(version, reading) {
      await overwriteWatch(store, version, { reading: canonical(reading) });
    },

    async watched(version) {
      return store.read((db) => readWatch(db, version));
    },

    async ownProbe(version) {
      await overwriteWatch(store, version, 'own_probe');
    },

    async toWatch(target) {
      return store.read(async (db) => {
        const rows = await db
          .selectFrom('versions')
          .innerJoin('refs', 'refs.version', 'versions.id')
          .innerJoin('credentials', 'credentials.id', 'versions.credential')
          .select(['versions.id', 'versions.credential', 'refs.ref_key'])
          .where('versions.target', '=', target)
          .where((where) =>
            where.or([
              where('versions.fate', '=', 'doomed'),
              // Nothing replaces the last version of an entry that was removed: it is to fall silent all the same.
              where.and([where('versions.fate', '=', 'current'), where('credentials.status', '=', 'retiring')]),
            ]),
          )
          .where('versions.ever_current', '=', 1)
          .where('versions.compromised', '=', 0)
          .where('versions.kill_begun', '=', 0)
          .where('versions.dead_at', 'is', null)
          .where('refs.gone', '=', 0)
          .orderBy('versions.ordinal')
          .execute();
        // Ids were checked when they were written.
        return rows.map((row) => ({
          credential: row.credential as CredentialId,
          version: row.id as VersionId,
          ref: storedRef(row.ref_key),
        }));
      });
    },
  };
}

async function overwriteWatch(
  store: Store,
  version: VersionId,
  what: { readonly reading: string } | 'own_probe',
): Promise<void> {
  await store.write(async (transaction) => {
    const { db, now } = transaction;
    await transaction.lockVersion(version);
    const row = what === 'own_probe' ? { own_probe: now } : what;
    await db
      .insertInto('watch')
      .values({ version, reading: null, own_probe: null, ...row })
      .onConflict((conflict) => conflict.column('version').doUpdateSet(row))
      .execute();
  });
}

async function presentInstance(
  db: Db,
  name: { readonly credential: string; readonly consumer: string; readonly instance: string },
) {
  return db
    .selectFrom('instances')
    .leftJoin('leases', (join) =>
      join
        .onRef('leases.credential', '=', 'instances.credential')
        .onRef('leases.consumer', '=', 'instances.consumer')
        .onRef('leases.instance', '=', 'instances.instance')
        .onRef('leases.boot', '=', 'instances.boot'),
    )
    .select(['instances.boot', 'leases.lease_until'])
    .where('instances.credential', '=', name.credential)
    .where('instances.consumer', '=', name.consumer)
    .where('instances.instance', '=', name.instance)
    .where('instances.left_at', 'is', null)
    .executeTakeFirst();
}

async function refuseUnknownConsumer(db: Db, row: CredentialRow, consumer: string): Promise<void> {
  const { consumers } = storedEntry(row.entry);
  if (!('none' in consumers) && consumers.some((one) => one.name === consumer)) return;
  const demanded = await db
    .selectFrom('demands')
    .select('consumer')
    .where('credential', '=', row.id)
    .where('epoch', '=', row.epoch)
    .where('consumer', '=', consumer)
    .executeTakeFirst();
  if (demanded === undefined)
    throw new KeybatonError('NOT_FOUND', `${row.id} has no consumer ${consumer}: add it to the inventory`);
}

function refuseOtherEpoch(row: CredentialRow, epoch: number): void {
  if (epoch === 0 || epoch !== row.epoch)
    throw new KeybatonError('CONFLICT', `epoch ${row.epoch} is the newest, not ${epoch}: read the secret again`);
}
