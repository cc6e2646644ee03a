import { KeybatonError } from '../domain/errors.ts';
import type { MakeRequest } from './ledger.ts';
import type { CredentialRow, RequestRow, VersionRow } from './schema.ts';
import type { Transaction } from './transaction.ts';

/** The open request that this one would only repeat. */
export function sameRequest(
  open: readonly RequestRow[],
  credential: string | null,
  input: MakeRequest,
): RequestRow | undefined {
  return open.find(
    (one) =>
      one.kind === input.kind &&
      one.credential === credential &&
      (one.release ?? undefined) === input.release &&
      (input.kind === 'rollBack' || one.version === (input.version ?? null)),
  );
}

/** Throws CONFLICT, NOT_FOUND or INVALID_CONFIG when the request can no longer, or never could, be honoured. */
export async function refuseRequest(transaction: Transaction, row: CredentialRow, input: MakeRequest): Promise<void> {
  if (row.status === 'released') throw conflict(`${row.id} is released`);
  const versions = await transaction.db.selectFrom('versions').selectAll().where('credential', '=', row.id).execute();
  switch (input.kind) {
    case 'pause':
    case 'freeze':
      refuseTooLate(versions);
      return;
    case 'rollBack':
      await refuseRollBack(transaction, row, versions, input);
      return;
    case 'rotate':
      if (row.status !== 'managed') throw conflict(`${row.id} is retiring: nothing new is issued for it`);
      return;
    case 'release':
      refuseRelease(row, versions, input);
      return;
  }
}

/** What a pause could save: doomed, once current, alive. Once all of it is authorised to die, there is nothing left to save. */
function refuseTooLate(versions: readonly VersionRow[]): void {
  const atStake = versions.filter((one) => one.fate === 'doomed' && one.ever_current === 1 && one.compromised === 0);
  const authorised = atStake.filter((one) => one.authorised_epoch !== null || one.kill_begun === 1);
  if (authorised.length > 0 && authorised.length === atStake.length) {
    throw conflict(`the revoke of ${authorised.map((one) => one.id).join(', ')} is authorised: from here only forward`);
  }
}

async function refuseRollBack(
  transaction: Transaction,
  row: CredentialRow,
  versions: readonly VersionRow[],
  input: MakeRequest,
): Promise<void> {
  if (row.status !== 'managed') throw conflict(`${row.id} is retiring`);
  if (input.version === undefined)
    throw new KeybatonError('INVALID_CONFIG', 'a roll-back names the version to go back to');
  const target = versions.find((one) => one.id === input.version);
  if (target === undefined) throw new KeybatonError('NOT_FOUND', `${row.id} has no version ${input.version}`);
  const newest = await transaction.db
    .selectFrom('epochs')
    .select('version')
    .where('credential', '=', row.id)
    .where('n', '=', row.epoch)
    .executeTakeFirst();
  if (newest?.version === target.id) throw conflict('it is what consumers should use already');
  if (target.ever_current === 0) throw conflict('it was never current');
  if (target.compromised === 1) throw conflict('it is compromised');
  if (target.dead_at !== null || target.fate === 'released') throw conflict('it is dead or released');
  if (target.authorised_epoch !== null || target.kill_begun === 1)
    throw conflict('its revoke is authorised: from here only forward');
  if (target.refused === 1) throw conflict('the provider refuses it');
}

function refuseRelease(row: CredentialRow, versions: readonly VersionRow[], input: MakeRequest): void {
  switch (input.release) {
    case undefined:
      throw new KeybatonError('INVALID_CONFIG', 'a release says what is released: unproved, ask, retire or alive');
    case 'retire':
      if (row.status !== 'retiring') throw conflict(`${row.id} is not retiring: remove it from the inventory first`);
      return;
    case 'alive': {
      const target = versions.find((one) => one.id === input.version);
      if (target === undefined) throw new KeybatonError('NOT_FOUND', 'name the version to give up');
      const retiringCurrent = row.status === 'retiring' && target.fate === 'current';
      if (target.fate !== 'doomed' && !retiringCurrent)
        throw conflict(`only a doomed version is given up: this one is ${target.fate}`);
      return;
    }
    case 'unproved':
    case 'ask':
      if (row.epoch === 0) throw conflict('no epoch was decided yet');
      return;
  }
}

function conflict(because: string): KeybatonError {
  return new KeybatonError('CONFLICT', `the request is refused: ${because}`);
}
