import type { SweepInput } from '../../domain/sweep.ts';
import { callHooks, type CalledHooks } from './call-hooks.ts';
import type { SweepPorts } from './ports.ts';
import { restartLost, type RestartedLost } from './restart-lost.ts';
import { startDue, type StartedDue } from './start-due.ts';
import { tendAlarms, type TendedAlarms } from './tend-alarms.ts';
import { watchDrift, type WatchedDrift } from './watch-drift.ts';
import { watchTargets, type WatchedTargets } from './watch-targets.ts';

/** The phases of a sweep. Each may be repeated or left out: what it would have found, the next sweep finds. */
export interface SweepActivities {
  sweepHooks(): Promise<CalledHooks>;
  sweepLost(input: SweepInput): Promise<RestartedLost>;
  sweepDue(input: SweepInput): Promise<StartedDue>;
  sweepDrift(input: SweepInput): Promise<WatchedDrift>;
  sweepTargets(input: SweepInput): Promise<WatchedTargets>;
  sweepAlarms(input: SweepInput): Promise<TendedAlarms>;
}

export function createSweepActivities(sweep: SweepPorts, signal: () => AbortSignal): SweepActivities {
  return {
    sweepHooks: () => callHooks(sweep),
    sweepLost: (input) => restartLost(sweep, input, signal()),
    sweepDue: (input) => startDue(sweep, input, signal()),
    sweepDrift: (input) => watchDrift(sweep, input, signal()),
    sweepTargets: (input) => watchTargets(sweep, input, signal()),
    sweepAlarms: (input) => tendAlarms(sweep, input, signal()),
  };
}
