import type { EmergencyPorts } from '../incident-ports.ts';
import { askLedger, ledgerPatience } from './emergency-known.ts';
import { journalProgress, waitsForLedger } from './incident-journal.ts';
import { told, within } from './within.ts';

export interface IncidentLine {
  readonly incident: string;
  readonly declaredAt: number;
  readonly who: string;
  readonly why: string;
  readonly scope: string;
  readonly drill: boolean;
  readonly keys: number;
  readonly contained: number;
  readonly dead: number;
  readonly closedAt: number | null;
  /** On this machine's disk and not in the ledger yet. */
  readonly unimported: boolean;
}

/** Newest first: those of the ledger, and those of this machine's journals that it does not have. Never waits for the ledger. */
export async function listIncidents(
  ports: Pick<EmergencyPorts, 'ledger' | 'journals' | 'now'>,
  input: { readonly open: boolean; readonly limit: number },
): Promise<{
  readonly now: number;
  readonly incidents: readonly IncidentLine[];
  readonly troubles: readonly string[];
}> {
  const filter = { limit: input.limit, ...(input.open ? { open: true } : {}) };
  const [kept, disk] = await Promise.all([
    askLedger(ports, (ledger) => within('the ledger', ledgerPatience, ledger.incidents(filter))),
    ports.journals.read().catch((thrown: unknown) => ({ journals: [], troubles: [`journals: ${told(thrown)}`] })),
  ]);
  const now = ports.now();
  const inLedger: readonly IncidentLine[] = ('answer' in kept ? kept.answer : []).map((one) => ({
    incident: one.incident,
    declaredAt: one.declaredAt,
    who: one.who,
    why: one.why,
    scope: one.scope,
    drill: one.drill,
    keys: one.keys,
    contained: one.contained,
    dead: one.dead,
    closedAt: one.closedAt ?? null,
    unimported: false,
  }));
  const inLedgerNow = new Set(inLedger.map(({ incident }) => incident));
  const waiting = new Set(
    disk.journals
      .filter((journal) => waitsForLedger(journal, inLedgerNow.has(journal.declaration.incident)))
      .map(({ declaration }) => declaration.incident),
  );
  const more = disk.journals
    .filter(({ imported, declaration }) => !inLedgerNow.has(declaration.incident) && (!imported || 'trouble' in kept))
    .map((journal): IncidentLine => {
      const { keys, contained, dead } = journalProgress(journal, now);
      const { incident, declaredAt, who, why, scope, drill } = journal.declaration;
      const unimported = waiting.has(incident);
      return { incident, declaredAt, who, why, scope, drill, keys, contained, dead, closedAt: null, unimported };
    });
  return {
    now,
    incidents: [...inLedger.map((one) => ({ ...one, unimported: waiting.has(one.incident) })), ...more]
      .toSorted((one, other) => other.declaredAt - one.declaredAt)
      .slice(0, input.limit),
    troubles: ['trouble' in kept ? [`ledger: ${kept.trouble}`] : [], disk.troubles].flat(),
  };
}
