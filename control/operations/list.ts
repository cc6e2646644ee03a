import type { CredentialFacts } from '../../domain/facts.ts';
import type { LedgerPorts } from './ports.ts';
import { summaryOf } from './summary.ts';
import type { CredentialSummary } from './summary.ts';

export interface ListInput {
  readonly team?: string;
  readonly environment?: string;
  readonly target?: string;
  readonly group?: string;
  /** Only those that need somebody: an alarm, a compromised version, a failed attempt, or due. */
  readonly needing?: boolean;
}

/** Every credential the ledger knows, at a glance, in id order. Released ones too. */
export async function list(
  { ledger }: LedgerPorts,
  input: ListInput,
): Promise<{ readonly now: number; readonly credentials: readonly CredentialSummary[] }> {
  const alarms = await ledger.openAlarms();
  const credentials: CredentialSummary[] = [];
  for await (const facts of everyCredential({ ledger })) {
    if (!asked(facts, input)) continue;
    const summary = summaryOf(facts, alarms);
    if (input.needing !== true || needsSomebody(summary)) credentials.push(summary);
  }
  return { now: await ledger.clock(), credentials };
}

export async function* everyCredential({ ledger }: LedgerPorts): AsyncGenerator<CredentialFacts> {
  const limit = 200;
  for (let page = await ledger.list({ limit }); page.length > 0;) {
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < limit) return;
    page = await ledger.list({ after: last.id, limit });
  }
}

function asked({ id, entry }: CredentialFacts, input: ListInput): boolean {
  return (
    (input.team === undefined || entry.team === input.team) &&
    (input.environment === undefined || id.split('/')[1] === input.environment) &&
    (input.target === undefined || entry.target === input.target) &&
    (input.group === undefined || entry.groups.includes(input.group))
  );
}

function needsSomebody(summary: CredentialSummary): boolean {
  return (
    summary.alarms.length > 0 ||
    summary.compromised.length > 0 ||
    summary.due.failedAttempts > 0 ||
    summary.due.why !== null
  );
}
