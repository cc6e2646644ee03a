import type { Entry } from '../../domain/entry.ts';
import type { CredentialFacts } from '../../domain/facts.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { IncidentFacts } from '../../ledger/ledger.ts';
import type { LedgerPorts } from './ports.ts';
import { backendStandings, type BackendView, type StandingPorts } from './backend-standing.ts';
import { summaryOf } from './summary.ts';
import type { CredentialSummary } from './summary.ts';

export interface ListInput {
  readonly team?: string;
  readonly environment?: string;
  readonly target?: string;
  readonly group?: string;
  /** Only those that need somebody: an alarm, a compromised version, a failed attempt, or due. */
  readonly needing?: boolean;
  /** Only after this one, in id order. */
  readonly after?: CredentialId;
  /** At most so many; undefined: all. */
  readonly limit?: number;
  /** Only those; undefined: all. */
  readonly sees?: (entry: Entry) => boolean;
}

/** A credential at a glance, with how each of its backends stands. */
export interface ListedCredential extends CredentialSummary {
  readonly backends: readonly BackendView[];
}

/** Every credential the ledger knows, at a glance, in id order. Released ones too. */
export async function list(
  ports: StandingPorts,
  input: ListInput,
): Promise<{
  readonly now: number;
  readonly credentials: readonly ListedCredential[];
  /** Open emergencies, newest first. */
  readonly incidents: readonly Pick<IncidentFacts, 'incident' | 'scope' | 'keys' | 'dead'>[];
  /** Where the next page goes on; undefined: this was the last. */
  readonly more?: CredentialId;
}> {
  const { ledger } = ports;
  const alarms = await ledger.openAlarms();
  const standing = await backendStandings(ports);
  const credentials: ListedCredential[] = [];
  let more: CredentialId | undefined;
  for await (const facts of everyCredential({ ledger }, input.after)) {
    if (!asked(facts, input)) continue;
    const summary = summaryOf(facts, alarms);
    if (input.needing === true && !needsSomebody(summary)) continue;
    if (credentials.length === input.limit) {
      more = credentials.at(-1)?.id;
      break;
    }
    credentials.push({ ...summary, backends: await standing(facts, alarms) });
  }
  const open = await ledger.incidents({ open: true, limit: 20 });
  const incidents = open.map(({ incident, scope, keys, dead }) => ({ incident, scope, keys, dead }));
  return { now: await ledger.clock(), credentials, incidents, ...(more === undefined ? {} : { more }) };
}

export async function* everyCredential({ ledger }: LedgerPorts, after?: CredentialId): AsyncGenerator<CredentialFacts> {
  const limit = 200;
  for (let page = await ledger.list({ limit, ...(after === undefined ? {} : { after }) }); page.length > 0;) {
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
    (input.group === undefined || entry.groups.includes(input.group)) &&
    (input.sees === undefined || input.sees(entry))
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
