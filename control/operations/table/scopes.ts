import type { Entry } from '../../../domain/entry.ts';
import { codeOf } from '../../../domain/errors.ts';
import { credentialParts, isCredentialId } from '../../../domain/identifiers.ts';
import type { CredentialId } from '../../../domain/identifiers.ts';
import type { IncidentLedger, Ledger } from '../../../ledger/ledger.ts';
import type { EmergencyPorts } from '../../incident-ports.ts';
import { askLedger, ledgerPatience } from '../emergency-known.ts';
import { entryScope } from '../entry-scope.ts';
import type { Caller, EntryScope, OperationPorts, Reach } from '../operation.ts';
import { seesAll } from '../others-untold.ts';
import { within } from '../within.ts';

export const scopeOf: (entry: Pick<Entry, 'id' | 'team' | 'groups'>) => EntryScope = entryScope;

/** One credential, by the ledger. NOT_FOUND. */
export async function reachOf({ ports }: OperationPorts, { credential }: { credential: CredentialId }): Promise<Reach> {
  const { ledger } = await ports();
  return { kind: 'entries', entries: [scopeOf((await ledger.facts(credential)).entry)] };
}

export type ScopeOf = (credential: CredentialId) => Promise<EntryScope>;

/** Of what nobody knows any more only the environment is told: no grant that is narrowed to a team reaches it. */
const unknownTo = (credential: CredentialId): EntryScope => ({
  environment: credentialParts(credential).environment,
  team: '',
  groups: [],
});

/** Scopes of many credentials, with one question to the ledger for those in use. */
export async function scopesIn(ledger: Pick<Ledger, 'inventory' | 'facts'>): Promise<ScopeOf> {
  const { entries } = await within('the ledger', ledgerPatience, ledger.inventory());
  const known = new Map(entries.map((entry) => [entry.id, scopeOf(entry)]));
  return async (credential) => {
    const found = known.get(credential);
    if (found !== undefined) return found;
    try {
      return scopeOf((await within('the ledger', ledgerPatience, ledger.facts(credential))).entry);
    } catch (thrown) {
      if (codeOf(thrown) !== 'NOT_FOUND') throw thrown;
      return unknownTo(credential);
    }
  };
}

/** By the ledger; while that is down by the kill sheet, which names team and groups too. */
export async function scopesAnyhow(ports: Pick<EmergencyPorts, 'ledger' | 'known'>): Promise<ScopeOf> {
  const asked = await askLedger(ports, (ledger) => scopesIn(ledger));
  if ('answer' in asked) return asked.answer;
  const { sheet } = await ports.known.killSheet();
  const known = new Map(
    (sheet?.credentials ?? []).map(({ credential, team, groups }) => [credential, { team, groups }]),
  );
  return async (credential) => ({ ...unknownTo(credential), ...known.get(credential) });
}

/** Every credential that an incident names. Empty: a value that belongs to nothing known. */
export async function credentialsOf(
  ledger: Pick<IncidentLedger, 'incidentKeys'>,
  incident: string,
): Promise<readonly CredentialId[]> {
  const limit = 500;
  const found = new Set<CredentialId>();
  for (let after: Awaited<ReturnType<IncidentLedger['incidentKeys']>>[number]['version'] | undefined; ;) {
    const asked = ledger.incidentKeys({ incident, limit, ...(after === undefined ? {} : { after }) });
    const page = await within('the ledger', ledgerPatience, asked);
    page.forEach(({ credential }) => found.add(credential));
    after = page.at(-1)?.version;
    if (page.length < limit || after === undefined) return [...found];
  }
}

/**
 * Every credential an incident names, from whoever answers: the ledger, this machine's journals, the running workflow
 * (which shows those that are not through). An incident without any is a matter of the installation.
 */
export async function incidentReach(
  { incidentPorts }: OperationPorts,
  { incident }: { readonly incident: string },
): Promise<Reach> {
  const ports = await incidentPorts();
  const named = await namedBy(ports, incident);
  if (named.length === 0) return { kind: 'installation' };
  const scope = await scopesAnyhow(ports);
  return { kind: 'entries', entries: await Promise.all(named.map(scope)) };
}

async function namedBy(ports: EmergencyPorts, incident: string): Promise<readonly CredentialId[]> {
  const asked = await askLedger(ports, (ledger) => credentialsOf(ledger, incident));
  if ('answer' in asked && asked.answer.length > 0) return asked.answer;
  const journals = await ports.journals.read().catch(() => ({ journals: [] }));
  const journal = journals.journals.find(({ declaration }) => declaration.incident === incident);
  if (journal !== undefined) return [...new Set(journal.versions.map(({ credential }) => credential))];
  const progress = await within('Temporal', ledgerPatience, ports.incidents.progress(incident)).catch(() => undefined);
  // It shows only some of its keys: whose the others are, nobody here can tell.
  if (progress === undefined || progress.keys > progress.open.length) return [];
  return [...new Set(progress.open.map(({ credential }) => credential))];
}

/** Those incidents of which the caller sees every credential; one without any is seen by whoever sees everything. */
export async function visibleIncidents<Line extends { readonly incident: string }>(
  ports: Pick<EmergencyPorts, 'ledger' | 'known' | 'journals' | 'incidents'>,
  lines: readonly Line[],
  caller: Caller,
): Promise<readonly Line[]> {
  if (seesAll((scope) => caller.sees(scope))) return lines;
  const scope = await scopesAnyhow(ports);
  const seen: Line[] = [];
  for (const line of lines) {
    const asked = await askLedger(ports, (ledger) => credentialsOf(ledger, line.incident));
    const named = 'answer' in asked ? asked.answer : [];
    const scopes = await Promise.all(named.filter(isCredentialId).map(scope));
    if (scopes.length > 0 && scopes.every((one) => caller.sees(one))) seen.push(line);
  }
  return seen;
}
