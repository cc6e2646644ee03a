import { nextAttempt } from '../domain/due.ts';
import { KeybatonError } from '../domain/errors.ts';
import { storedEntry } from './stored-entry.ts';
import type { Outcome } from '../domain/rotation.ts';
import { compiledFirst } from './compiled.ts';
import type { Ledger } from './ledger.ts';
import type { CredentialRow, Db } from './schema.ts';
import type { Store } from './store.ts';
import type { Transaction } from './transaction.ts';
import { openRequests } from './facts.ts';
import { closeRequest } from './requests.ts';

const selectRun = compiledFirst((db, { run }: { run: string }) =>
  db.selectFrom('runs').selectAll().where('run', '=', run),
);
const selectOpenRun = compiledFirst((db, { credential }: { credential: string }) =>
  db.selectFrom('runs').selectAll().where('credential', '=', credential).where('ended_at', 'is', null),
);
const selectRunOf = compiledFirst((db, { run, credential }: { run: string; credential: string }) =>
  db.selectFrom('runs').selectAll().where('run', '=', run).where('credential', '=', credential),
);
const selectEntry = compiledFirst((db, { credential }: { credential: string }) =>
  db.selectFrom('credentials').select('entry').where('id', '=', credential),
);
/** Whoever names it, and whomever it names: a pair may be written down on either side. */
const selectRunningMate = compiledFirst((db, { credential }: { credential: string }) =>
  db
    .selectFrom('runs')
    .innerJoin('mates', 'mates.mate', 'runs.credential')
    .select('runs.credential as id')
    .where('mates.credential', '=', credential)
    .where('runs.credential', '!=', credential)
    .where('runs.ended_at', 'is', null)
    .unionAll(
      db
        .selectFrom('runs')
        .innerJoin('mates', 'mates.credential', 'runs.credential')
        .select('runs.credential as id')
        .where('mates.mate', '=', credential)
        .where('runs.credential', '!=', credential)
        .where('runs.ended_at', 'is', null),
    ),
);

export function runTransactions(store: Store): Pick<Ledger, 'startRun' | 'endRun'> {
  return {
    async startRun({ credential, run, reason, actor }) {
      return store.write(async (transaction) => {
        const { db } = transaction;
        const known = await selectRun(db, { run });
        const row = await lockWithMates(transaction, credential);
        const open = await selectOpenRun(db, { credential: row.id });
        if (open?.run === run) return { created: false };
        if (known !== undefined) {
          // The schema keeps text; only `endRun` writes it, from an Outcome.
          return { created: false, ended: (known.outcome ?? 'failed') as Outcome };
        }
        await refuseBesideMates(db, row);
        if (open !== undefined) {
          await endOpenRun(
            transaction,
            row,
            open.run,
            'failed',
            'it ended without saying so; a later run took its place',
          );
        }
        await transaction.append({
          kind: 'rotation.started',
          actor,
          credential: row.id,
          fact: `run:${run}`,
          body: { run, reason },
        });
        return { created: true };
      });
    },

    async endRun({ credential, run, outcome, why }) {
      return store.write(async (transaction) => {
        const row = await transaction.lock(credential);
        const known = await selectRunOf(transaction.db, { run, credential: row.id });
        if (known === undefined)
          throw new KeybatonError('NOT_FOUND', 'the ledger knows no such run of this credential');
        if (known.ended_at !== null) {
          if (known.outcome === outcome) return { again: false };
          throw new KeybatonError('CONFLICT', `this run has ended already, as ${known.outcome ?? 'unknown'}`);
        }
        if (passesAgain(outcome) && (await anotherPassAsked(transaction.db, row))) return { again: true };
        if (outcome === 'observed') {
          for (const request of await openRequests(transaction.db, [row.id])) {
            if (request.kind === 'rotate')
              await closeRequest(
                transaction,
                request,
                'honoured',
                'keybaton',
                'observed: nothing is issued in this mode',
              );
          }
        }
        await endOpenRun(transaction, row, run, outcome, why ?? null, known.started_at);
        return { again: false };
      });
    },
  };
}

/** A run that decided nothing could pass for ever: what is still asked for then waits for the next start and its backoff. */
const passesAgain = (outcome: Outcome): boolean =>
  outcome === 'rotated' || outcome === 'rolled-back' || outcome === 'indebted' || outcome === 'nothing';

async function anotherPassAsked(db: Db, row: CredentialRow): Promise<boolean> {
  if (row.status !== 'managed') return false;
  if (row.reopened === 1) return true;
  return (await openRequests(db, [row.id])).some((request) => request.kind === 'rotate' || request.kind === 'rollBack');
}

async function endOpenRun(
  transaction: Transaction,
  row: CredentialRow,
  run: string,
  outcome: Outcome,
  why: string | null,
  startedAt = 0,
): Promise<void> {
  const failed =
    outcome === 'failed' || (outcome === 'discarded' && (await lostVersionSince(transaction.db, row.id, startedAt)));
  const attempts = failed ? row.attempts + 1 : 0;
  const nextAttemptAt = failed ? nextAttempt(attempts, transaction.now) : null;
  await transaction.append({
    kind: 'rotation.ended',
    credential: row.id,
    body: { run, outcome, why, attempts, nextAttemptAt },
  });
}

/** A rehearsal discards a version that was fine; a rotation discards one that was refused or spent, and must not mint the next at once. */
async function lostVersionSince(db: Db, credential: string, startedAt: number): Promise<boolean> {
  const lost = await db
    .selectFrom('versions')
    .select('id')
    .where('credential', '=', credential)
    .where('created_at', '>=', startedAt)
    .where('drill', '=', 0)
    .where((where) => where.or([where('spent', '=', 1), where('refused', '=', 1)]))
    .executeTakeFirst();
  return lost !== undefined;
}

/** Both rows of a pair are locked in id order, whichever of the two names the other. */
async function lockWithMates(
  transaction: Transaction,
  credential: Parameters<Ledger['facts']>[0],
): Promise<CredentialRow> {
  const seen = await selectEntry(transaction.db, { credential });
  const mates = seen === undefined ? [] : storedEntry(seen.entry).apartFrom;
  const known =
    mates.length === 0
      ? []
      : await transaction.db.selectFrom('credentials').select('id').where('id', 'in', mates).execute();
  return transaction.lock(credential, ...mates.filter((mate) => known.some((row) => row.id === mate)));
}

async function refuseBesideMates(db: Db, { id }: CredentialRow): Promise<void> {
  const running = await selectRunningMate(db, { credential: id });
  if (running === undefined) return;
  throw new KeybatonError(
    'CONFLICT',
    `${running.id} is rotating and must be kept apart from ${id}: it starts when that has ended`,
  );
}
