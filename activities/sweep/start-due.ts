import {
  leavesRequest,
  notNow,
  sweepReason,
  type SweepCandidate,
  type SweepInput,
  type SweepReason,
  type SweepSituation,
} from '../../domain/sweep.ts';
import { codeOf } from '../../domain/errors.ts';
import { begin, counted, lookAround, type Counts } from './begin.ts';
import { inParallel } from './in-parallel.ts';
import type { SweepPorts } from './ports.ts';

export interface StartedDue {
  readonly looked: number;
  /** By the name of the check. */
  readonly started: Readonly<Counts>;
  /** By what stood in the way. */
  readonly held: Readonly<Counts>;
}

/**
 * Starts what the ledger says needs a rotation: first what was asked, leaked or is owed, then what is due, oldest date
 * first, then what was never rotated. What a cap leaves over is found by the next sweep.
 */
export async function startDue(sweep: SweepPorts, input: SweepInput, signal: AbortSignal): Promise<StartedDue> {
  const situation = await lookAround(sweep, input);
  const { limits, now, tally, incidentTargets } = situation;
  const started: Counts = {};
  const held: Counts = {};
  let looked = 0;
  for (const list of ['attention', 'due', 'never'] as const) {
    for (let after: string | undefined; ;) {
      signal.throwIfAborted();
      const full = list === 'attention' ? [] : [...new Set([...tally.full(limits), ...incidentTargets])];
      if (list !== 'attention' && tally.all() >= limits.starts) break;
      const page = await sweep.ledger.sweepPage({
        list,
        limit: limits.page,
        exceptTargets: full,
        standbyTriedBefore: now - limits.standbyCheck,
        ...(after === undefined ? {} : { after }),
      });
      looked += page.candidates.length;
      const chosen = choose(page.candidates, situation, held);
      await inParallel(chosen, limits.atOnce, signal, async ({ one, reason }) => {
        const answer = await begin(sweep, input, one, reason);
        counted(answer === 'started' ? started : held, answer === 'started' ? reason.check : 'runs already');
      });
      await leaveRequests(sweep, page.candidates, situation, signal);
      after = page.next;
      if (after === undefined) break;
    }
  }
  return { looked, started, held };
}

/** Counted before any of them starts: so caps hold, and no two of a pair are chosen. */
function choose(
  candidates: readonly SweepCandidate[],
  situation: SweepSituation,
  held: Counts,
): readonly { readonly one: SweepCandidate; readonly reason: SweepReason }[] {
  return candidates.flatMap((one) => {
    // What runs looks at the ledger itself; what is lost is another phase's.
    if (one.openRun !== undefined || situation.tally.started(one.id)) return [];
    const reason = sweepReason(one, situation.now, situation.limits);
    if (reason === undefined) return [];
    const why = notNow(one, reason, situation);
    if (why !== undefined) {
      counted(held, why);
      return [];
    }
    situation.tally.count(one, reason.urgency);
    return [{ one, reason }];
  });
}

async function leaveRequests(
  sweep: SweepPorts,
  candidates: readonly SweepCandidate[],
  { now, observeOnly, limits }: SweepSituation,
  signal: AbortSignal,
): Promise<void> {
  const wanting = observeOnly ? [] : candidates.filter((one) => leavesRequest(one, now));
  await inParallel(wanting, limits.atOnce, signal, async ({ id }) => {
    const why = 'it fell due while its rotation was running';
    await sweep.ledger.request({ kind: 'rotate', credential: id, who: 'sweep', why }).catch((thrown: unknown) => {
      // It was retired or released in between.
      if (codeOf(thrown) !== 'CONFLICT') throw thrown;
    });
  });
}
