import { condition } from '@temporalio/workflow';
import { backoff } from '../domain/incident-clock.ts';
import type { IncidentPace, Trouble } from '../domain/incident.ts';
import { scattered } from '../domain/jitter.ts';
import { troubleOf } from './trouble.ts';

/** Shall it not be tried again, after so many failures, the last with this trouble? */
export type Stops = (failures: number, trouble: Trouble | undefined) => boolean;

export type Again<Result> = { readonly result: Result } | { readonly stopped: Trouble | undefined };

/**
 * Tries an effect until it succeeds, with growing distance, or until `stops` says that it shall not be tried again.
 * Nothing that fails here ends a workflow.
 */
export async function untilDone<Result>(
  pace: IncidentPace,
  effect: () => Promise<Result>,
  stops: Stops,
): Promise<Again<Result>> {
  let trouble: Trouble | undefined;
  for (let failures = 0; !stops(failures, trouble);) {
    try {
      return { result: await effect() };
    } catch (thrown) {
      trouble = troubleOf(thrown);
      failures += 1;
      if (stops(failures, trouble)) break;
      const again = Math.max(trouble.againIn, backoff(pace, failures));
      await condition(() => stops(failures, trouble), scattered(again, Math.random()));
    }
  }
  return { stopped: trouble };
}
