import { askOutcomes } from '../activities/incident/ask-outcomes.ts';
import type { IncidentHooks } from '../activities/incident/ports.ts';
import type { Incidents } from '../control/incident-ports.ts';
import { clockOf, writeIncidentReport } from '../control/operations/incident-report.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { momentDueAt } from '../domain/incident-clock.ts';
import { isConfirmed, isReplaced } from '../domain/incident-part.ts';
import { defaultIncidentPace, type OutcomeFacts } from '../domain/incident.ts';
import type { IncidentFacts, IncidentKey, Ledger } from '../ledger/ledger.ts';

export interface EndIncidentsInput {
  readonly ledger: Ledger;
  readonly incidents: Pick<Incidents, 'progress'>;
  readonly hooks: Pick<IncidentHooks, 'scope'>;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Open incidents looked at by one sweep, and keys of one of them that are read at once. */
const atOnce = 50;
const page = 500;

/**
 * Brings incidents that no run works on (killed without Temporal and imported, or whose run was ended) to the end that a run
 * would have given them: once every key is dead, every credential replaced, and its consumers have shown that or had their
 * share of the clock. Anything else is left to people. Answers which. UNAVAILABLE: nobody says whether one runs.
 */
export async function endIncidents(input: EndIncidentsInput): Promise<readonly string[]> {
  const ended: string[] = [];
  for (const facts of await input.ledger.incidents({ open: true, limit: atOnce }))
    if (await isEnded(input, facts)) ended.push(facts.incident);
  return ended;
}

async function isEnded(input: EndIncidentsInput, facts: IncidentFacts): Promise<boolean> {
  const { ledger, incidents, hooks, signal } = input;
  const { incident, keys, declaredAt } = facts;
  if (!mayEndAlone(facts) || (await incidents.progress(incident)) !== undefined) return false;
  const clock = clockOf(facts) ?? defaultIncidentPace.clock;
  const outcomes = await outcomesOf(input, incident);
  const [replaced, confirmed] = [isReplaced, isConfirmed].map((is) => sum(outcomes.filter(([one]) => is(one))));
  const settled = outcomes.every(([one]) => one.settled);
  if (!settled || replaced !== keys) return false;
  if (confirmed !== keys && input.now() < momentDueAt({ declaredAt, clock }, 'confirmed')) return false;
  for (let after: VersionId | undefined; ;) {
    after = await hooks.scope({ incident, after }, signal);
    if (after === undefined) break;
  }
  await writeIncidentReport({ ledger, now: input.now }, { incident });
  await ledger.incidentEvent({ incident, kind: 'ended', actor: 'sweep', body: { replaced, confirmed, clock } });
  await ledger.closeIncident({ incident, who: 'sweep', why: 'through' });
  return true;
}

/** What this ledger has never heard of it cannot call dead; a drill has an end of its own. */
const mayEndAlone = ({ drill, keys, dead, events }: IncidentFacts): boolean =>
  !drill && keys > 0 && dead === keys && !events.some(({ kind }) => kind.startsWith('killed-unknown.'));

type Counted = readonly [OutcomeFacts, number];
const sum = (counted: readonly Counted[]): number => counted.reduce((total, [, keys]) => total + keys, 0);

/** Each credential with how many of the keys are its own. What was not answered in time is missing, and not replaced. */
async function outcomesOf({ ledger, now }: EndIncidentsInput, incident: string): Promise<readonly Counted[]> {
  const keys: IncidentKey[] = [];
  for (let after: VersionId | undefined; ;) {
    const some = await ledger.incidentKeys({ incident, limit: page, ...(after === undefined ? {} : { after }) });
    keys.push(...some);
    after = some.at(-1)?.version;
    if (some.length < page || after === undefined) break;
  }
  const own = Map.groupBy(keys, ({ credential }) => credential);
  const credentials = [...own].map(([credential, some]) => ({
    credential,
    versions: some.map(({ version }) => version),
  }));
  const outcomes = await askOutcomes({ ledger: async () => ledger, now }, { incident, credentials });
  return outcomes.map((one) => [one, own.get(one.credential)?.length ?? 0]);
}
