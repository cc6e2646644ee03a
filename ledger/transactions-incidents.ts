import { KeybatonError } from '../domain/errors.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import { recordKills } from './kill-facts.ts';
import type { Ledger } from './ledger.ts';
import { isProjected } from './project.ts';
import { lapseRollBacksToAny } from './requests.ts';
import type { Store } from './store.ts';
import type { Transaction } from './transaction.ts';
import { unknownVersion } from './transaction.ts';

type Methods = 'declareIncident' | 'killFacts' | 'incidentEvent' | 'closeIncident';

export function incidentTransactions(store: Store): Pick<Ledger, Methods> {
  return {
    async declareIncident({ incident, versions, who, why, declaredAt, scope, drill }) {
      await store.write(async (transaction) => {
        const { db } = transaction;
        const named = [...new Set(versions)].toSorted();
        const rows =
          named.length === 0
            ? []
            : await db.selectFrom('versions').select(['id', 'credential']).where('id', 'in', named).execute();
        const found = new Map(rows.map((row) => [row.id, row.credential]));
        const missing = named.filter((id) => !found.has(id));
        if (missing[0] !== undefined) throw unknownVersion(missing[0], missing.length);
        // The names were checked when the entries were added.
        if (rows.length > 0) await transaction.lock(...rows.map((row) => row.credential as CredentialId));
        // Parts name different credentials: only the chain's lock puts them in an order.
        await transaction.lockChain();
        await transaction.once(
          {
            kind: 'incident.declared',
            actor: who,
            incident,
            fact: `incident:${incident}`,
            body: {
              versions: named,
              who,
              why,
              declaredAt: declaredAt ?? transaction.now,
              scope: scope ?? '',
              drill: drill ?? false,
            },
          },
          ['who', 'why', 'scope', 'drill'],
        );
        if (named.length === 0) return;
        const already = await namedBy(transaction, incident, named);
        const fresh = named.filter((id) => !already.has(id));
        await transaction.appendAll(
          fresh.map((id) => ({
            kind: 'version.compromised',
            actor: who,
            credential: found.get(id) ?? null,
            version: id,
            incident,
            body: { why },
          })),
        );
        await lapseRollBacksToAny(transaction, fresh, 'the version it names is compromised');
      });
    },

    async killFacts({ incident, facts }) {
      await store.write(async (transaction) => {
        await incidentRow(transaction, incident);
        if (facts.length === 0) return;
        const versions = [...new Set(facts.map((fact) => fact.version))];
        const named = await namedBy(transaction, incident, versions);
        const other = versions.find((id) => !named.has(id));
        if (other !== undefined)
          throw new KeybatonError('CONFLICT', `incident ${incident} does not name version ${other}`);
        await recordKills(transaction, incident, facts);
      });
    },

    async incidentEvent({ incident, kind, actor, body }) {
      if (isProjected(kind))
        throw new KeybatonError('INVALID_CONFIG', `${kind} is an event of the ledger's own and cannot be noted`);
      await store.write(async (transaction) => {
        await incidentRow(transaction, incident);
        await transaction.lockChain();
        const fact = `incident-event:${incident}:${kind}`;
        if ((await transaction.known([fact])).has(fact)) return;
        await transaction.appendNote({ kind, actor, incident, fact, body });
      });
    },

    async closeIncident({ incident, who, why }) {
      await store.write(async (transaction) => {
        await transaction.lockChain();
        const { closed_at } = await incidentRow(transaction, incident);
        if (closed_at !== null) return;
        const body = why === undefined ? { who } : { who, why };
        await transaction.append({
          kind: 'incident.closed',
          actor: who,
          incident,
          fact: `incident-closed:${incident}`,
          body,
        });
      });
    },
  };
}

async function incidentRow(transaction: Transaction, incident: string): Promise<{ readonly closed_at: number | null }> {
  const row = await transaction.db
    .selectFrom('incidents')
    .select('closed_at')
    .where('id', '=', incident)
    .executeTakeFirst();
  if (row === undefined) throw unknownIncident(incident);
  return row;
}

/** Which of these versions the incident names. */
async function namedBy(
  transaction: Transaction,
  incident: string,
  versions: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await transaction.db
    .selectFrom('incident_versions')
    .select('version')
    .where('incident', '=', incident)
    .where('version', 'in', versions)
    .execute();
  return new Set(rows.map((row) => row.version));
}

export function unknownIncident(incident: string): KeybatonError {
  return new KeybatonError('NOT_FOUND', `there is no incident ${incident}`);
}
