import type { CheckFinding } from '../activities/check-finding.ts';
import type { ScheduleStanding } from '../control/sweep-ports.ts';
import { formatDuration } from '../domain/duration.ts';

const subject = 'schedule';

/** Does anything start by itself? */
export function scheduleFinding({ state, note, every = 0, lastAt }: ScheduleStanding, now: number): CheckFinding {
  if (state === 'missing')
    return {
      subject,
      verdict: 'failure',
      text: 'there is no Schedule for sweeps: nothing that is due starts by itself',
      remedy: 'start a worker without KEYBATON_SWEEP_EVERY=off: it makes the Schedule',
    };
  if (state === 'paused')
    return {
      subject,
      verdict: 'warning',
      text: `the Schedule of the sweeps is paused${note === undefined ? '' : `: ${note}`}: nothing that is due starts by itself`,
      remedy: 'unpause the Schedule sweep-inventory in Temporal',
    };
  const silence = lastAt === undefined ? 0 : now - lastAt;
  if (silence > Math.max(10 * every, 600_000))
    return {
      subject,
      verdict: 'warning',
      text: `the last sweep began ${formatDuration(silence)} ago, and one should come every ${formatDuration(every)}`,
      remedy: 'look whether a worker runs, and whether the last sweep ended',
    };
  return { subject, verdict: 'ok', text: `a sweep comes every ${formatDuration(every)}` };
}
