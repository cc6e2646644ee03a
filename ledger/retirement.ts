import { compiledFirst } from './compiled.ts';
import { openRequests } from './facts.ts';
import { closeRequest } from './requests.ts';
import { unknownCredential } from './transaction.ts';
import type { Transaction } from './transaction.ts';

const selectStatus = compiledFirst((db, { credential }: { credential: string }) =>
  db.selectFrom('credentials').select('status').where('id', '=', credential),
);

/** A retiring entry ends when a person has let go and none of its versions may still live. */
export async function releaseWhenNothingLives(transaction: Transaction, credential: string): Promise<void> {
  const { db } = transaction;
  const row = await selectStatus(db, { credential });
  if (row === undefined) throw unknownCredential(credential);
  if (row.status !== 'retiring') return;
  const release = (await openRequests(db, [credential])).find(
    (one) => one.release === 'retire' && one.credential === credential,
  );
  if (release === undefined) return;
  const alive = await db
    .selectFrom('versions')
    .select('id')
    .where('credential', '=', credential)
    .where('fate', 'not in', ['dead', 'released'])
    .executeTakeFirst();
  if (alive !== undefined) return;
  await transaction.append({ kind: 'entry.released', actor: release.who, credential, body: { who: release.who } });
  await closeRequest(transaction, release, 'honoured', 'keybaton', 'every version is dead or released');
}
