import { codeOf } from '../../domain/errors.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import { asTargets } from '../../inventory/targets.ts';
import type { Targets } from '../../inventory/targets.ts';
import type { IncidentLedger, KillSheet, Ledger } from '../../ledger/ledger.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import { candidateFromFacts, candidateFromSheet } from './emergency-candidates.ts';
import type { Candidate } from './emergency-candidates.ts';
import type { EmergencyScope } from './emergency-scope.ts';
import { scopeOptions } from './emergency-scope.ts';
import { everyCredential } from './list.ts';
import { told, within } from './within.ts';

/** How long the ledger may keep an emergency waiting, per question, in milliseconds. */
export const ledgerPatience = 2_000;

/** Everything that one source knows of our credentials. */
export interface Known {
  readonly source: 'ledger' | 'kill sheet';
  readonly candidates: readonly Candidate[];
  readonly targets: Targets;
  /** Former names that were used, and what they are called now. */
  readonly renamed: ReadonlyMap<CredentialId, CredentialId>;
}

/** The ledger, open and answering, or why not. Never throws, never waits longer than its patience. */
export async function askLedger<Answer>(
  ports: Pick<EmergencyPorts, 'ledger'>,
  ask: (ledger: Ledger & IncidentLedger) => Promise<Answer>,
): Promise<{ readonly answer: Answer } | { readonly trouble: string }> {
  try {
    const ledger = await within('the ledger', ledgerPatience, ports.ledger());
    return { answer: await ask(ledger) };
  } catch (thrown) {
    return { trouble: told(thrown) };
  }
}

/** What the ledger knows of this scope. Rejects when it does not answer in time. */
export async function knownToLedger(ledger: Ledger, scope: EmergencyScope | undefined): Promise<Known> {
  const soon = <Value>(begun: Promise<Value>): Promise<Value> => within('the ledger', ledgerPatience, begun);
  const targets = await soon(ledger.appliedTargets());
  const renamed = new Map<CredentialId, CredentialId>();
  const candidates: Candidate[] = [];
  const onlyNamed = scope !== undefined && scopeOptions.every((option) => scope[option] === undefined);
  for (const credential of onlyNamed ? scope.credentials : []) {
    try {
      const facts = await soon(ledger.facts(credential));
      if (facts.id !== credential) renamed.set(credential, facts.id);
      if (!candidates.some((one) => one.credential === facts.id)) candidates.push(candidateFromFacts(facts));
    } catch (thrown) {
      if (codeOf(thrown) !== 'NOT_FOUND') throw thrown;
      return { ...(await everything(ledger, targets)), renamed };
    }
  }
  if (onlyNamed) return { source: 'ledger', candidates, targets: asTargets(targets), renamed };
  return { ...(await everything(ledger, targets)), renamed };
}

async function everything(ledger: Ledger, targets: unknown): Promise<Omit<Known, 'renamed'>> {
  const candidates: Candidate[] = [];
  const pages = everyCredential({ ledger })[Symbol.asyncIterator]();
  for (;;) {
    const next = await within('the ledger', ledgerPatience, pages.next());
    if (next.done === true) return { source: 'ledger', candidates, targets: asTargets(targets) };
    candidates.push(candidateFromFacts(next.value));
  }
}

export function knownToSheet(sheet: KillSheet): Known {
  return {
    source: 'kill sheet',
    candidates: sheet.credentials.flatMap((one) => {
      const candidate = candidateFromSheet(one);
      return candidate === undefined ? [] : [candidate];
    }),
    targets: asTargets(sheet.targets),
    renamed: new Map(),
  };
}
