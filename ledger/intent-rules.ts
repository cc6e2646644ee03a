import { KeybatonError } from '../domain/errors.ts';
import type { Effect } from '../domain/facts.ts';
import { refuseUngated } from './authorise-rules.ts';
import type { CredentialRow, VersionRow } from './schema.ts';
import type { Transaction } from './transaction.ts';
import { selectEpoch } from './transactions-promoting.ts';

/** What brings a version nearer to its consumers. Everything else ends it, and is refused less. */
const forward: readonly Effect[] = ['issue', 'stage', 'promote', 'resume'];

interface AskedIntent {
  readonly effect: Effect;
  readonly epoch: number | undefined;
  readonly signal: boolean | undefined;
}

/** Throws CONFLICT when this effect may not begin now. Asked in the transaction that writes the intent. */
export async function refuseIntent(
  transaction: Transaction,
  version: VersionRow,
  credential: CredentialRow,
  { effect, epoch, signal }: AskedIntent,
): Promise<void> {
  if (forward.includes(effect)) refuseForward(version, effect);
  switch (effect) {
    case 'promote':
    case 'resume':
      if (version.kill_begun === 1 || version.authorised_epoch !== null)
        throw refusal(effect, 'it is authorised to die');
      if (effect === 'promote') await refusePromote(transaction, version, credential, epoch);
      return;
    case 'suspend':
      if (version.dead_at !== null) throw refusal(effect, 'it is dead');
      if (version.fate === 'current' && version.compromised === 0 && credential.status === 'managed')
        throw refusal(effect, 'it is current');
      // GATE was asked before this transaction: what came in between is seen here. After the kill began nothing is saved by it.
      if (version.kill_begun === 0)
        await refuseUngated(transaction, version, credential, {
          what: 'no suspend of this version',
          epoch: epoch ?? 0,
          signal: signal ?? true,
        });
      return;
    case 'revoke':
      if (
        version.ever_current === 1 &&
        version.compromised === 0 &&
        version.authorised_epoch === null &&
        version.kill_begun === 0
      ) {
        throw refusal(effect, 'it was current once and its revoke is not authorised');
      }
      return;
    case 'destroy':
      await refuseDestroy(transaction, version);
      return;
    case 'issue':
    case 'stage':
      return;
  }
}

function refuseForward(version: VersionRow, effect: Effect): void {
  if (version.spent === 1) throw refusal(effect, 'it is spent: take a new version id');
  if (version.dead_at !== null) throw refusal(effect, 'it is dead');
  // What was staged of a compromised version still has to be recorded and erased, so `stage` may end what `issue` began.
  if (version.compromised === 1 && effect !== 'stage') throw refusal(effect, 'it is compromised');
}

/** A worker that slept through a later decision must not promote what it remembers. */
async function refusePromote(
  transaction: Transaction,
  version: VersionRow,
  credential: CredentialRow,
  epoch: number | undefined,
): Promise<void> {
  const newest = await selectEpoch(transaction.db, { credential: credential.id, epoch: credential.epoch });
  if (epoch !== credential.epoch || newest?.version !== version.id)
    throw refusal('promote', `epoch ${credential.epoch} is the newest and decides otherwise`);
}

async function refuseDestroy(transaction: Transaction, version: VersionRow): Promise<void> {
  if (version.fate === 'current') throw refusal('destroy', 'it is current');
  if (version.dead_at !== null) return;
  const named = await transaction.db
    .selectFrom('incident_versions')
    .innerJoin('incidents', 'incidents.id', 'incident_versions.incident')
    .select('incidents.id')
    .where('incident_versions.version', '=', version.id)
    .where('incidents.closed_at', 'is', null)
    .executeTakeFirst();
  if (named !== undefined) throw refusal('destroy', `incident ${named.id} names it and it is not proved dead`);
}

function refusal(effect: Effect, because: string): KeybatonError {
  return new KeybatonError('CONFLICT', `no ${effect} of this version: ${because}`);
}
