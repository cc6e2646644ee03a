import { nextDue } from '../domain/due.ts';
import { KeybatonError } from '../domain/errors.ts';
import { canonical } from './canonical.ts';
import { compiled, compiledFirst } from './compiled.ts';
import type { Copy } from './events.ts';
import type { IssuedVersion, Ledger, PlanVersion } from './ledger.ts';
import { refuseIntent } from './intent-rules.ts';
import { lapseReleasesBefore, lapseRollBacksTo } from './requests.ts';
import type { CredentialRow } from './schema.ts';
import { storedEntry } from './stored-entry.ts';
import type { Store } from './store.ts';
import type { Transaction } from './transaction.ts';
import { demandsOf, observesOnly } from './credential-rules.ts';

type Methods = 'planVersion' | 'intend' | 'outcome' | 'issued' | 'spent' | 'refused' | 'importVersion' | 'proofKey';

const selectIntent = compiledFirst(
  (db, given: { readonly version: string; readonly effect: string; readonly place: string; readonly epoch: number }) =>
    db
      .selectFrom('intents')
      .select(['until', 'ref_key', 'outcome'])
      .where('version', '=', given.version)
      .where('effect', '=', given.effect)
      .where('place', '=', given.place)
      .where('epoch', '=', given.epoch),
);

const selectOwner = compiledFirst((db, { version }: { version: string }) =>
  db.selectFrom('versions').select('credential').where('id', '=', version),
);
const selectPending = compiledFirst((db, { credential }: { credential: string }) =>
  db.selectFrom('versions').select('id').where('credential', '=', credential).where('fate', '=', 'pending'),
);
const insertProofKey = compiled((db, { version, kv }: { version: string; kv: Uint8Array }) =>
  db
    .insertInto('proof_keys')
    .values({ version, kv })
    .onConflict((conflict) => conflict.column('version').doNothing()),
);

export function versionTransactions(store: Store): Pick<Ledger, Methods> {
  return {
    async planVersion({ credential, version, target, as, baseline, expiresAt }) {
      await store.write(async (transaction) => {
        const row = await transaction.lock(credential);
        const event = {
          kind: 'version.planned' as const,
          credential: row.id,
          version,
          fact: `planned:${version}`,
          body: { target, as, baseline, expiresAt: expiresAt ?? null },
        };
        const known = await selectOwner(transaction.db, { version });
        if (known !== undefined) {
          if (known.credential !== row.id)
            throw new KeybatonError('CONFLICT', 'this version id belongs to another credential');
          await transaction.once(event, ['target', 'as']);
          return;
        }
        await refusePlan(transaction, row, as);
        await transaction.once(event, ['target', 'as']);
      });
    },

    async intend({ version, effect, place, epoch, ref, within, signal }) {
      return store.write(async (transaction) => {
        const { version: row, credential } = await transaction.lockVersion(version);
        await refuseIntent(transaction, row, credential, { effect, epoch, signal });
        const before = await selectIntent(transaction.db, { version, effect, place, epoch: epoch ?? 0 });
        if (before !== undefined && before.ref_key !== null && ref !== undefined && before.ref_key !== canonical(ref)) {
          throw new KeybatonError('CONFLICT', `an intent to ${effect} here names another ref already`);
        }
        const until = Math.max(before?.until ?? 0, transaction.now + within);
        await transaction.append({
          kind: 'intent.made',
          credential: credential.id,
          version,
          epoch: epoch ?? null,
          body: { effect, place, ref: ref ?? null, until },
        });
        return { until };
      });
    },

    async outcome({ version, effect, place, epoch, outcome, why }) {
      await store.write(async (transaction) => {
        const { credential } = await transaction.lockVersion(version);
        const intent = await selectIntent(transaction.db, { version, effect, place, epoch: epoch ?? 0 });
        if (intent === undefined)
          throw new KeybatonError('NOT_FOUND', `there is no intent to ${effect} this version at that place and epoch`);
        if (intent.outcome === outcome) return;
        if (intent.outcome !== null)
          throw new KeybatonError('CONFLICT', `the intent to ${effect} ended as ${intent.outcome} already`);
        await transaction.append({
          kind: 'intent.ended',
          credential: credential.id,
          version,
          epoch: epoch ?? null,
          body: { effect, place, outcome, why: why ?? null },
        });
      });
    },

    async issued(input) {
      await store.write(async (transaction) => {
        const { credential } = await transaction.lockVersion(input.version);
        const { ref, fingerprint, copies } = input;
        // Never refused for what the ledger thinks of the version: what exists must be known, so that it can be killed.
        const isNew = await transaction.once(
          {
            kind: 'version.issued',
            credential: credential.id,
            version: input.version,
            fact: `issued:${input.version}`,
            body: { ref, fingerprint, expiresAt: input.expiresAt ?? null, copies },
          },
          ['ref', 'fingerprint'],
        );
        if (!isNew) await addCopies(transaction, credential, input.version, copies);
        await keepProofKey(transaction, input);
      });
    },

    async spent({ version, why }) {
      await store.write(async (transaction) => {
        const { credential, version: row } = await transaction.lockVersion(version);
        if (row.spent === 1) return;
        if (row.ever_current === 1)
          throw new KeybatonError('CONFLICT', 'a version whose promotion was decided cannot be spent');
        await transaction.once(
          { kind: 'version.spent', credential: credential.id, version, fact: `spent:${version}`, body: { why } },
          [],
        );
      });
    },

    async refused({ version, why }) {
      await store.write(async (transaction) => {
        const { credential, version: row } = await transaction.lockVersion(version);
        if (row.refused === 1) return;
        await transaction.once(
          { kind: 'version.refused', credential: credential.id, version, fact: `refused:${version}`, body: { why } },
          [],
        );
        await lapseRollBacksTo(transaction, credential.id, version, 'the provider refuses the version it names');
        if (row.ever_current === 0) return;
        const text = `the provider refuses a version that should live: ${why}`;
        await transaction.append({
          kind: 'alarm.raised',
          credential: credential.id,
          version,
          body: { key: `refused/${version}`, text, page: true },
        });
      });
    },

    async importVersion(input) {
      await store.write(async (transaction) => {
        const row = await transaction.lock(input.credential);
        const { version, target, fingerprint, copies, current, who } = input;
        const owner = await transaction.db
          .selectFrom('versions')
          .select(['id', 'credential'])
          .where('fingerprint', '=', fingerprint)
          .where('id', '!=', version)
          .executeTakeFirst();
        if (owner !== undefined)
          throw new KeybatonError('CONFLICT', `this value is known already: it is a version of ${owner.credential}`);
        const isNew = await transaction.once(
          {
            kind: 'version.imported',
            actor: who,
            credential: row.id,
            version,
            fact: `imported:${version}`,
            body: { target, ref: input.ref ?? null, fingerprint, expiresAt: input.expiresAt ?? null, copies, current },
          },
          ['target', 'ref', 'fingerprint', 'current'],
        );
        if (isNew && current) await decideImported(transaction, row, version, who);
        await keepProofKey(transaction, input);
      });
    },

    async proofKey(version) {
      const row = await store.read((db) =>
        db.selectFrom('proof_keys').select('kv').where('version', '=', version).executeTakeFirst(),
      );
      if (row === undefined) throw new KeybatonError('NOT_FOUND', 'no proof key is kept for this version');
      return new Uint8Array(row.kv);
    },
  };
}

async function refusePlan(transaction: Transaction, row: CredentialRow, as: PlanVersion['as']): Promise<void> {
  if (row.status !== 'managed')
    throw new KeybatonError('CONFLICT', `${row.id} is ${row.status}: nothing new is issued for it`);
  await observesOnly(transaction, row);
  if (as !== 'pending') return;
  const pending = await selectPending(transaction.db, { credential: row.id });
  if (pending !== undefined)
    throw new KeybatonError('CONFLICT', `${row.id} has a pending version already: ${pending.id}`);
}

/** A backend, or a path in one, that the entry gained after the issue is staged later: once per version and place. */
async function addCopies(
  transaction: Transaction,
  credential: CredentialRow,
  version: string,
  copies: readonly Copy[],
): Promise<void> {
  const known = await transaction.db
    .selectFrom('copies')
    .selectAll()
    .where('version', '=', version)
    .where('kept_as', '=', 'staged')
    .execute();
  for (const { backend, path } of copies) {
    if (known.some((one) => one.backend === backend && one.path === path)) continue;
    await transaction.once(
      {
        kind: 'version.staged',
        credential: credential.id,
        version,
        fact: `staged:${version}:${backend}:${path}`,
        body: { backend, path },
      },
      ['backend', 'path'],
    );
  }
}

/** The first one stays: encrypting the same key again gives other bytes. */
async function keepProofKey(
  transaction: Transaction,
  input: Pick<IssuedVersion, 'version' | 'proofKey'>,
): Promise<void> {
  await insertProofKey(transaction.db, { version: input.version, kv: Buffer.from(input.proofKey) });
}

/** The backends show it already: an epoch without a promotion. */
async function decideImported(
  transaction: Transaction,
  row: CredentialRow,
  version: string,
  who: string,
): Promise<void> {
  const entry = storedEntry(row.entry);
  const epoch = row.epoch + 1;
  await transaction.append({
    kind: 'promotion.decided',
    actor: who,
    credential: row.id,
    version,
    epoch,
    fact: `decided:${row.since}:${epoch}`,
    body: {
      version,
      why: 'imported',
      run: null,
      demands: demandsOf(entry),
      backends: [],
      honoursDue: { dueAt: nextDue(entry.schedule, row.id, transaction.now) },
    },
  });
  await lapseReleasesBefore(transaction, row.id, epoch);
}
