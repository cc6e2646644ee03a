import type { SweepCandidate, SweepInput, SweepReason, SweepSituation } from '../../domain/sweep.ts';
import { openTally } from '../../domain/sweep-tally.ts';
import type { SweepPorts } from './ports.ts';

/** How many were started, by the name of the check that held. */
export type Counts = Record<string, number>;

export const counted = (counts: Counts, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};

/** What every phase of a sweep must know before it starts anything. */
export async function lookAround(sweep: SweepPorts, { limits }: SweepInput): Promise<SweepSituation> {
  const named = new Set(await sweep.ledger.incidentTargets());
  const targets = named.size === 0 ? [] : await sweep.targets();
  // An incident has the provider to itself: its calls must not wait behind ours.
  const providers = new Set(targets.flatMap(({ name, provider }) => (named.has(name) ? [provider] : [])));
  for (const { name, provider } of targets) if (providers.has(provider)) named.add(name);
  return {
    now: await sweep.ledger.clock(),
    limits,
    observeOnly: !(await sweep.ledger.trusted()),
    incidentTargets: named,
    tally: openTally(),
  };
}

/** Starts the rotation under its canonical id; one that runs already is left alone, and looks at the ledger itself. */
export async function begin(
  sweep: SweepPorts,
  { pace }: SweepInput,
  one: Pick<SweepCandidate, 'id'>,
  reason: SweepReason,
): Promise<'started' | 'running'> {
  return sweep.starts.start({ credential: one.id, reason: reason.check, actor: 'sweep', rehearse: false, pace });
}
