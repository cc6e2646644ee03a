import type { Entry } from '../domain/entry.ts';
import { KeybatonError } from '../domain/errors.ts';
import { compiledFirst } from './compiled.ts';
import type { Demand } from './events.ts';
import type { CredentialRow } from './schema.ts';
import type { Transaction } from './transaction.ts';

const selectTrust = compiledFirst((db, { id }: { id: number }) =>
  db.selectFrom('trust').selectAll().where('id', '=', id),
);

export function demandsOf(entry: Entry): readonly Demand[] {
  if ('none' in entry.consumers) return [];
  return entry.consumers.map(({ name, demand, kind, deadline }) => ({ consumer: name, demand, kind, deadline }));
}

/** A restored or cloned ledger may not know what lives: until a person has read `reconcile`, only emergencies act. */
export async function observesOnly(transaction: Transaction, row: CredentialRow): Promise<void> {
  const trust = await selectTrust(transaction.db, { id: 1 });
  if (trust?.observe_only !== 1) return;
  const newest = await transaction.db
    .selectFrom('epochs')
    .innerJoin('versions', 'versions.id', 'epochs.version')
    .select('versions.compromised')
    .where('epochs.credential', '=', row.id)
    .where('epochs.n', '=', row.epoch)
    .executeTakeFirst();
  if (newest?.compromised === 1) return;
  throw new KeybatonError(
    'CONFLICT',
    `the ledger only observes (${trust.why}): read \`keybaton reconcile\` and confirm it first`,
  );
}
