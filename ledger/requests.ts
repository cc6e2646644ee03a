import type { RequestRow } from './schema.ts';
import type { Transaction } from './transaction.ts';
import { openRequests } from './facts.ts';

type Ending = 'honoured' | 'withdrawn' | 'lapsed';

export async function closeRequest(
  transaction: Transaction,
  request: RequestRow,
  how: Ending,
  who: string,
  why: string,
): Promise<void> {
  await transaction.append({
    kind: 'request.closed',
    actor: who,
    credential: request.credential,
    version: request.version,
    epoch: request.epoch,
    body: { request: request.id, how, who, why },
  });
}

/** A roll-back to a version that can no longer be current would hold its credential for ever. */
export async function lapseRollBacksTo(
  transaction: Transaction,
  credential: string,
  version: string,
  why: string,
): Promise<void> {
  for (const request of await openRequests(transaction.db, [credential])) {
    if (request.kind === 'rollBack' && request.version === version)
      await closeRequest(transaction, request, 'lapsed', 'keybaton', why);
  }
}

/** The same for many versions at once. */
export async function lapseRollBacksToAny(
  transaction: Transaction,
  versions: readonly string[],
  why: string,
): Promise<void> {
  if (versions.length === 0) return;
  const open = await transaction.db
    .selectFrom('requests')
    .selectAll()
    .where('kind', '=', 'rollBack')
    .where('closed_at', 'is', null)
    .where('version', 'in', versions)
    .orderBy('at')
    .orderBy('id')
    .execute();
  for (const request of open) await closeRequest(transaction, request, 'lapsed', 'keybaton', why);
}

/** A release speaks for one epoch. What ends an entry or a debt speaks for itself. */
export async function lapseReleasesBefore(transaction: Transaction, credential: string, epoch: number): Promise<void> {
  for (const request of await openRequests(transaction.db, [credential])) {
    const ofAnEpoch = request.kind === 'release' && request.release !== 'retire' && request.release !== 'alive';
    if (ofAnEpoch && request.epoch !== null && request.epoch < epoch) {
      await closeRequest(transaction, request, 'lapsed', 'keybaton', 'it spoke for an earlier epoch');
    }
  }
}
