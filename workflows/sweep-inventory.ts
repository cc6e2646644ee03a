import { ActivityFailure, ApplicationFailure, isCancellation, proxyActivities } from '@temporalio/workflow';
import type { SweepActivities } from '../activities/sweep/activities.ts';
import { queues } from '../domain/queues.ts';
import type { SweepInput } from '../domain/sweep.ts';

/** Tried once: the next sweep looks anew, and nothing is counted twice. */
const phases = proxyActivities<SweepActivities>({
  taskQueue: queues.rotations,
  startToCloseTimeout: '4 min',
  heartbeatTimeout: '15 s',
  retry: { maximumAttempts: 1 },
});

type Phase = keyof SweepActivities;

/** What a sweep did, by phase; a phase that failed says why. It holds counts and names, never a value. */
export type SweepReport = Readonly<Partial<Record<Phase, unknown>>> & { readonly failed: readonly string[] };

/**
 * Looks through the ledger for what needs attention, and starts rotations for it under their own ids. A phase that fails
 * stops no other; a sweep in which all failed has failed.
 */
export async function sweepInventory(input: SweepInput): Promise<SweepReport> {
  const report: Partial<Record<Phase, unknown>> = {};
  const failed: string[] = [];
  const run = async (phase: Phase, work: () => Promise<unknown>): Promise<void> => {
    try {
      report[phase] = await work();
    } catch (thrown) {
      if (isCancellation(thrown) || !(thrown instanceof ActivityFailure)) throw thrown;
      const { cause } = thrown;
      failed.push(`${phase}: ${cause instanceof ApplicationFailure ? (cause.type ?? 'failed') : 'timed out'}`);
    }
  };
  await run('sweepHooks', () => phases.sweepHooks());
  await run('sweepLost', () => phases.sweepLost(input));
  await run('sweepDue', () => phases.sweepDue(input));
  await run('sweepDrift', () => phases.sweepDrift(input));
  await run('sweepTargets', () => phases.sweepTargets(input));
  await run('sweepAlarms', () => phases.sweepAlarms(input));
  if (Object.keys(report).length === 0)
    throw ApplicationFailure.nonRetryable(`every phase failed: ${failed.join(', ')}`, 'UNAVAILABLE');
  return { ...report, failed };
}
