import { KeybatonError } from '../domain/errors.ts';
import { refuseUngated } from './authorise-rules.ts';
import { compiled, compiledFirst } from './compiled.ts';
import type { Ledger } from './ledger.ts';
import { lapseRollBacksTo } from './requests.ts';
import { releaseWhenNothingLives } from './retirement.ts';
import type { Db, VersionRow } from './schema.ts';
import type { Store } from './store.ts';

type Methods =
  | 'authorise'
  | 'withdrawAuthorisation'
  | 'killBegan'
  | 'suspended'
  | 'resumed'
  | 'probed'
  | 'dead'
  | 'destroyed'
  | 'debtMoved';

interface Kept {
  readonly [name: string]: string;
  readonly version: string;
  readonly backend: string;
}

const selectCopies = compiled((db, { version, backend }: Kept) =>
  db.selectFrom('copies').select('gone').where('version', '=', version).where('backend', '=', backend),
);
const selectOpenDestroy = compiledFirst((db, { version, backend }: Kept) =>
  db
    .selectFrom('intents')
    .select('effect')
    .where('version', '=', version)
    .where('effect', '=', 'destroy')
    .where('place', '=', backend)
    .where('outcome', 'is', null),
);

export function killingTransactions(store: Store): Pick<Ledger, Methods> {
  return {
    async authorise({ credential, version, epoch, signal }) {
      await store.write(async (transaction) => {
        const { version: row, credential: owner } = await transaction.lockVersion(version);
        const asked = await transaction.lock(credential);
        if (asked.id !== owner.id) throw new KeybatonError('NOT_FOUND', `${asked.id} has no version ${version}`);
        // From here only forward: what would be read again can no longer change anything.
        if (row.kill_begun === 1 || row.fate === 'dead') return;
        // A debt was authorised before it moved, and no later epoch asks its consumers again.
        if (row.debt_moved === 1 && row.authorised_epoch !== null) return;
        await refuseUngated(transaction, row, owner, { what: 'the revoke is not authorised', epoch, signal });
        if (row.authorised_epoch === epoch) return;
        const fact = `authorised:${version}:${epoch}:${row.withdrawals}`;
        await transaction.append({ kind: 'revoke.authorised', credential: owner.id, version, epoch, fact, body: {} });
      });
    },

    async withdrawAuthorisation({ version, why }) {
      await store.write(async (transaction) => {
        const { version: row, credential } = await transaction.lockVersion(version);
        if (row.kill_begun === 1 || row.fate === 'dead')
          throw new KeybatonError('CONFLICT', 'the kill has begun: from here only forward');
        if (row.authorised_epoch === null) return;
        await transaction.append({
          kind: 'revoke.unauthorised',
          credential: credential.id,
          version,
          epoch: row.authorised_epoch,
          body: { why },
        });
      });
    },

    async killBegan({ version }) {
      await store.write(async (transaction) => {
        const { version: row, credential } = await transaction.lockVersion(version);
        if (row.ever_current === 1 && row.compromised === 0 && row.authorised_epoch === null && row.kill_begun === 0) {
          throw new KeybatonError(
            'CONFLICT',
            'it was current once and its revoke is not authorised: record what the provider shows with `refused`',
          );
        }
        await transaction.once(
          { kind: 'revoke.began', credential: credential.id, version, fact: `began:${version}`, body: {} },
          [],
        );
      });
    },

    async suspended({ version, epoch }) {
      await store.write(async (transaction) => {
        const { version: row, credential } = await transaction.lockVersion(version);
        if (row.suspended_at !== null) return;
        // A version may be suspended again in one epoch once it was resumed: that is another fact.
        const fact = `suspended:${version}:${epoch}:${row.resumes}`;
        await transaction.once(
          { kind: 'version.suspended', credential: credential.id, version, epoch, fact, body: {} },
          [],
        );
      });
    },

    async resumed({ version, epoch }) {
      await store.write(async (transaction) => {
        const { version: row, credential } = await transaction.lockVersion(version);
        if (row.suspended_at === null && !(await unanswered(transaction.db, version))) return;
        const fact = `resumed:${version}:${epoch}:${row.resumes}`;
        await transaction.once(
          { kind: 'version.resumed', credential: credential.id, version, epoch, fact, body: {} },
          [],
        );
      });
    },

    async probed({ version, answer }) {
      return store.write(async (transaction) => {
        const { version: row, credential } = await transaction.lockVersion(version);
        if (answer === 'accepted') {
          if (row.refusals > 0)
            await transaction.append({ kind: 'version.probed', credential: credential.id, version, body: { answer } });
          return { count: 0, firstAt: transaction.now };
        }
        const event = await transaction.append({
          kind: 'version.probed',
          credential: credential.id,
          version,
          body: { answer },
        });
        return { count: row.refusals + 1, firstAt: row.first_refusal_at ?? event.at };
      });
    },

    async dead({ version, grade }) {
      await store.write(async (transaction) => {
        const { version: row, credential } = await transaction.lockVersion(version);
        if (row.dead_at !== null && (row.grade === grade || row.grade === 'refused')) return;
        // A late twin may bring a version back: its next death is another fact.
        const fact = `dead:${version}:${grade}:${row.revivals}`;
        await transaction.once({ kind: 'version.dead', credential: credential.id, version, fact, body: { grade } }, [
          'grade',
        ]);
        await lapseRollBacksTo(transaction, credential.id, version, 'the version it names is dead');
        await releaseWhenNothingLives(transaction, credential.id);
      });
    },

    async destroyed({ version, backend }) {
      await store.write(async (transaction) => {
        const { version: row, credential } = await transaction.lockVersion(version);
        refuseDestroyed(row);
        const copies = await selectCopies(transaction.db, { version, backend });
        const intent = await selectOpenDestroy(transaction.db, { version, backend });
        // Erased again: said once more only where an intent would stay in doubt and hold the next run.
        if (copies.length > 0 && copies.every((one) => one.gone === 1) && intent === undefined) return;
        await transaction.append({ kind: 'version.destroyed', credential: credential.id, version, body: { backend } });
        await releaseWhenNothingLives(transaction, credential.id);
      });
    },

    async debtMoved({ version }) {
      await store.write(async (transaction) => {
        const { version: row, credential } = await transaction.lockVersion(version);
        if (row.fate !== 'doomed')
          throw new KeybatonError('CONFLICT', `only a doomed version is a debt: this one is ${row.fate}`);
        await transaction.once(
          { kind: 'debt.moved', credential: credential.id, version, fact: `debt:${version}:${row.revivals}`, body: {} },
          [],
        );
      });
    },
  };
}

/** A suspension that may have had its effect, and was never told of. */
async function unanswered(db: Db, version: string): Promise<boolean> {
  const intent = await db
    .selectFrom('intents')
    .select('effect')
    .where('version', '=', version)
    .where('effect', 'in', ['suspend', 'resume'])
    .where('outcome', 'is', null)
    .executeTakeFirst();
  return intent !== undefined;
}

function refuseDestroyed(row: VersionRow): void {
  if (row.fate === 'current' && row.compromised === 0)
    throw new KeybatonError('CONFLICT', 'the copies of the current version are not to be destroyed');
}
