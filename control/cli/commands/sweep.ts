import { KeybatonError } from '../../../domain/errors.ts';
import { formatDuration } from '../../../domain/duration.ts';
import { sweepOperation } from '../../operations/table/installation.ts';
import type { ScheduleStanding, Sweeping } from '../../sweep-ports.ts';
import type { Command } from '../command.ts';
import type { CliPorts } from '../environment.ts';
import { relative } from '../text.ts';

/** Throws UNSUPPORTED in a process that was given no way to sweep. */
export function sweepingOf({ sweeping }: CliPorts): Sweeping {
  if (sweeping !== undefined) return sweeping;
  throw new KeybatonError('UNSUPPORTED', 'this process cannot ask the providers: run it where a worker could run');
}

export const sweepCommand: Command = {
  name: 'sweep',
  summary: 'Show when sweeps come, or ask for one now',
  about:
    'A sweep starts what is due, restarts what is lost, compares backends and targets with the ledger, and tends the alarms. One Schedule brings it; a worker makes it. The exit code is 8 when the Schedule is missing or paused.',
  options: [{ flags: '--now', about: 'one sweep now, unless one runs' }],
  answers: ['asked', 'schedule'],
  examples: [
    { line: 'keybaton sweep', about: 'when the last one came, and when the next comes' },
    { line: 'keybaton sweep --now', about: 'do not wait for it' },
  ],
  async run({ output, call }, given) {
    const found = await call(sweepOperation, { now: given.flag('now') });
    output.answer(found, () =>
      [...(found.asked ? ['a sweep was asked for'] : []), standingText(found.schedule, Date.now())].join('\n'),
    );
    return found.schedule.state === 'running' ? 0 : 8;
  },
};

export function standingText({ state, note, every, lastAt, nextAt }: ScheduleStanding, now: number): string {
  if (state === 'missing') return 'there is no Schedule: start a worker, which makes it';
  const how = every === undefined ? '' : ` every ${formatDuration(every)}`;
  if (state === 'paused') return `PAUSED${note === undefined ? '' : `: ${note}`}; nothing is started by itself`;
  return `sweeps come${how}; the last ${relative(lastAt, now)}, the next ${relative(nextAt, now)}`;
}
