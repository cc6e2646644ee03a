import { dueWithin, nextDue } from '../domain/due.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { EpochReason } from '../domain/facts.ts';
import { compiled, compiledFirst } from './compiled.ts';
import { demandsOf, observesOnly } from './credential-rules.ts';
import { openRequests } from './facts.ts';
import type { Ledger } from './ledger.ts';
import { closeRequest, lapseReleasesBefore } from './requests.ts';
import type { CredentialRow, RequestRow, VersionRow } from './schema.ts';
import { storedEntry } from './stored-entry.ts';
import type { Store } from './store.ts';
import type { Transaction } from './transaction.ts';

interface OfEpoch {
  readonly [name: string]: string | number;
  readonly credential: string;
  readonly epoch: number;
}

export const selectEpoch = compiledFirst((db, { credential, epoch }: OfEpoch) =>
  db.selectFrom('epochs').selectAll().where('credential', '=', credential).where('n', '=', epoch),
);
const selectVersionOf = compiledFirst((db, { version, credential }: { version: string; credential: string }) =>
  db.selectFrom('versions').selectAll().where('id', '=', version).where('credential', '=', credential),
);
const selectShown = compiled((db, { version, backend, epoch }: { version: string; backend: string; epoch: number }) =>
  db
    .selectFrom('copies')
    .select('path')
    .where('version', '=', version)
    .where('backend', '=', backend)
    .where('kept_as', '=', 'main')
    .where('epoch', '=', epoch),
);

export function promotingTransactions(store: Store): Pick<Ledger, 'decide' | 'promoted'> {
  return {
    async decide({ credential, version, expectedEpoch, why, run, above = 0 }) {
      return store.write(async (transaction) => {
        const { db } = transaction;
        const row = await transaction.lock(credential);
        const newest = await selectEpoch(db, { credential: row.id, epoch: row.epoch });
        const requests = (await openRequests(db, [row.id])).filter((one) => one.credential === row.id);
        const rollBack = requests.find((one) => one.kind === 'rollBack');
        if (newest?.version === version && rollBack === undefined && row.epoch > above) return { epoch: row.epoch };

        const chosen = await selectVersionOf(db, { version, credential: row.id });
        if (chosen === undefined) throw new KeybatonError('NOT_FOUND', `${row.id} has no version ${version}`);
        await observesOnly(transaction, row);
        if (row.epoch !== expectedEpoch) throw conflict(`epoch ${row.epoch} was decided meanwhile`);
        refuseVersion(chosen, why);
        if (row.status !== 'managed' && chosen.ever_current === 0)
          throw conflict(`the credential is ${row.status}: no new version becomes current`);
        const overruled = why === 'survivor' && (await mayNotStay(transaction, newest?.version));
        if (rollBack !== undefined && rollBack.version !== version && !overruled) {
          throw conflict(`an open roll-back names ${rollBack.version ?? 'another version'}`);
        }
        if (rollBack === undefined && why === 'roll-back') throw conflict('no roll-back to it is open');

        const epoch = Math.max(row.epoch, above) + 1;
        await writeDecision(transaction, row, chosen, epoch, why, run);
        await honour(transaction, requests, rollBack, chosen);
        await lapseReleasesBefore(transaction, row.id, epoch);
        return { epoch };
      });
    },

    async promoted({ version, epoch, backend, path }) {
      await store.write(async (transaction) => {
        const { credential } = await transaction.lockVersion(version);
        const decided = await selectEpoch(transaction.db, { credential: credential.id, epoch });
        if (decided?.version !== version) throw conflict(`epoch ${epoch} does not name it`);
        const shown = await selectShown(transaction.db, { version, backend, epoch });
        if (shown.some((copy) => copy.path === path)) return;
        // Its entry has moved within the backend since: where it was shown before is not forgotten.
        const moved = shown.length > 0 ? `:${path}` : '';
        await transaction.once(
          {
            kind: 'promotion.shown',
            credential: credential.id,
            version,
            epoch,
            fact: `promoted:${version}:${epoch}:${backend}${moved}`,
            body: { backend, path },
          },
          ['backend', 'path'],
        );
      });
    },
  };
}

/**
 * What consumers use is lost. A caller that decides on its survivor has asked the provider and found the roll-back's version
 * gone; the request stays open, and is honoured next if that was wrong.
 */
async function mayNotStay(transaction: Transaction, version: string | undefined): Promise<boolean> {
  if (version === undefined) return false;
  const row = await transaction.db
    .selectFrom('versions')
    .selectAll()
    .where('id', '=', version)
    .executeTakeFirstOrThrow();
  return (
    row.compromised === 1 ||
    row.refused === 1 ||
    row.dead_at !== null ||
    row.authorised_epoch !== null ||
    row.kill_begun === 1
  );
}

function refuseVersion(chosen: VersionRow, why: EpochReason): void {
  if (chosen.drill === 1) throw conflict('it was made for a drill');
  if (chosen.compromised === 1) throw conflict('it is compromised');
  if (chosen.dead_at !== null || chosen.fate === 'dead' || chosen.fate === 'released')
    throw conflict('it is dead or released');
  if (chosen.spent === 1) throw conflict('it is spent');
  if (chosen.refused === 1) throw conflict('the provider refuses it');
  if (chosen.issued === 0) throw conflict('it is not issued');
  if (chosen.authorised_epoch !== null || chosen.kill_begun === 1) throw conflict('it is authorised to die');
  // Going back, and the survivor of a lost version, name a doomed version on purpose, but only one that was current.
  const goesBack = (why === 'roll-back' || why === 'survivor') && chosen.ever_current === 1;
  if (chosen.fate === 'doomed' && !goesBack) throw conflict('another decision doomed it');
}

/**
 * Only a version that was never current honours the due date: one that comes back is as old as it was, and the date that
 * its successor left may lie too near to the end that its provider sets, or beyond it.
 */
async function writeDecision(
  transaction: Transaction,
  row: CredentialRow,
  chosen: VersionRow,
  epoch: number,
  why: EpochReason,
  run: string,
): Promise<void> {
  const entry = storedEntry(row.entry);
  const { now } = transaction;
  const asked = nextDue(entry.schedule, row.id, now);
  // What has stood by has spent some of its life: of the rest one half is for holds, as of every life.
  const life = chosen.expires_at === null ? undefined : { from: now, until: Math.max(now, chosen.expires_at) };
  const comesBack = chosen.ever_current === 1;
  const due = row.due_at ?? asked;
  const inTime = dueWithin(due, life);
  const dueBy = comesBack && inTime < due ? inTime : undefined;
  await transaction.append({
    kind: 'promotion.decided',
    credential: row.id,
    version: chosen.id,
    epoch,
    fact: `decided:${row.since}:${epoch}`,
    body: {
      version: chosen.id,
      why,
      run,
      demands: demandsOf(entry),
      backends: entry.backends.map((one) => one.backend),
      honoursDue: comesBack ? null : { dueAt: dueWithin(asked, life) },
      ...(dueBy !== undefined && { dueBy }),
    },
  });
}

/** A new version honours every open rotate; going back honours the roll-back, which overrules the rotates asked before it. */
async function honour(
  transaction: Transaction,
  requests: readonly RequestRow[],
  rollBack: RequestRow | undefined,
  chosen: VersionRow,
): Promise<void> {
  for (const request of requests) {
    const overruled =
      request.kind === 'rotate' &&
      (chosen.ever_current === 0 || (rollBack !== undefined && requests.indexOf(request) < requests.indexOf(rollBack)));
    if ((request === rollBack && request.version === chosen.id) || overruled)
      await closeRequest(transaction, request, 'honoured', 'keybaton', 'an epoch was decided');
  }
}

function conflict(because: string): KeybatonError {
  return new KeybatonError('CONFLICT', `this version cannot be decided on: ${because}`);
}
