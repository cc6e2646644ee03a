import { rotationWorkflowId } from '../../domain/identifiers.ts';
import { notNow, runLost, type SweepInput } from '../../domain/sweep.ts';
import { begin, counted, lookAround, type Counts } from './begin.ts';
import { inParallel } from './in-parallel.ts';
import { inTurn } from './in-turn.ts';
import type { SweepPorts } from './ports.ts';

type OpenRun = Awaited<ReturnType<SweepPorts['ledger']['openRuns']>>[number];
type OpenDebt = Awaited<ReturnType<SweepPorts['ledger']['openDebts']>>[number];

export interface RestartedLost {
  readonly runs: number;
  readonly started: Readonly<Counts>;
  readonly debts: number;
}

/**
 * Runs and debts that the ledger calls open and Temporal does not know (terminated, or lost with its database) begin
 * again under their own id, of which Temporal lets only one live. A part of them per sweep, in turn.
 */
export async function restartLost(sweep: SweepPorts, input: SweepInput, signal: AbortSignal): Promise<RestartedLost> {
  const situation = await lookAround(sweep, input);
  const { limits, now, tally } = situation;
  const { ledger } = sweep;
  const started: Counts = {};
  const runs = await inTurn(
    ledger,
    { name: 'runs', limit: limits.runs, idOf: (one: OpenRun) => one.credential },
    (after) => ledger.openRuns({ startedBefore: now - limits.runSettles, limit: limits.runs, ...after }),
  );
  await inParallel(runs, limits.atOnce, signal, async ({ credential, run }) => {
    if (await sweep.starts.running(rotationWorkflowId(credential))) return;
    // Asked again: it may have ended, in the ledger too, while Temporal was asked.
    const [one] = await ledger.sweepCandidates([credential]);
    if (one?.openRun?.run !== run) return;
    const reason = runLost(one);
    if (notNow(one, reason, situation) !== undefined) return;
    tally.count(one, reason.urgency);
    if ((await begin(sweep, input, one, reason)) === 'started') counted(started, reason.check);
  });
  // A restored ledger may owe what another one settles: nothing is killed before a person has looked.
  if (situation.observeOnly) return { runs: runs.length, started, debts: 0 };
  const debts = await inTurn(
    ledger,
    { name: 'debts', limit: limits.runs, idOf: (one: OpenDebt) => one.version },
    (after) => ledger.openDebts({ limit: limits.runs, ...after }),
  );
  await inParallel(debts, limits.atOnce, signal, ({ credential, version }) =>
    sweep.workflows.settleDebt(credential, version),
  );
  return { runs: runs.length, started, debts: debts.length };
}
