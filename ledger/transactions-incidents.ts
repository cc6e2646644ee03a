import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import type { Ledger } from './ledger.ts';
import { lapseRollBacksTo } from './requests.ts';
import type { Store } from './store.ts';
import { unknownVersion } from './transaction.ts';

export function incidentTransactions(store: Store): Pick<Ledger, 'declareIncident' | 'closeIncident'> {
  return {
    async declareIncident({ incident, versions, who, why }) {
      await store.write(async (transaction) => {
        const { db } = transaction;
        const named = [...new Set(versions)].toSorted();
        if (named.length === 0) throw new KeybatonError('INVALID_CONFIG', 'an incident names at least one version');
        const rows = await db
          .selectFrom('versions')
          .select(['id', 'credential', 'compromised'])
          .where('id', 'in', named)
          .orderBy('id')
          .execute();
        const missing = named.find((id) => !rows.some((row) => row.id === id));
        if (missing !== undefined) throw unknownVersion(missing);
        // The names were checked when the entries were added.
        await transaction.lock(...rows.map((row) => row.credential as CredentialId));
        const isNew = await transaction.once(
          {
            kind: 'incident.declared',
            actor: who,
            incident,
            fact: `incident:${incident}`,
            body: { versions: named, who, why },
          },
          ['versions'],
        );
        if (!isNew) return;
        for (const { id, credential } of rows) {
          await transaction.append({
            kind: 'version.compromised',
            actor: who,
            credential,
            version: id,
            incident,
            body: { why },
          });
          await lapseRollBacksTo(transaction, credential, id, 'the version it names is compromised');
        }
      });
    },

    async closeIncident({ incident, who }) {
      await store.write(async (transaction) => {
        const row = await transaction.db
          .selectFrom('incidents')
          .select('closed_at')
          .where('id', '=', incident)
          .executeTakeFirst();
        if (row === undefined) throw new KeybatonError('NOT_FOUND', `there is no incident ${incident}`);
        if (row.closed_at !== null) return;
        await transaction.once(
          { kind: 'incident.closed', actor: who, incident, fact: `incident-closed:${incident}`, body: { who } },
          [],
        );
      });
    },
  };
}
