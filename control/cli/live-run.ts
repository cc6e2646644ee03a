import { KeybatonError, errorTable } from '../../domain/errors.ts';
import type { Outcome } from '../../domain/rotation.ts';
import { follow } from '../operations/follow.ts';
import type { FollowInput, RunView } from '../operations/follow.ts';
import type { CommandContext } from './command.ts';
import { followPorts } from './follow-ports.ts';
import { stepList } from './step-list.ts';

export interface LiveRun extends Pick<FollowInput, 'credential' | 'since' | 'afterN' | 'resume' | 'request'> {
  /** Milliseconds. */
  readonly timeout: number | undefined;
  /** An end that is a success here though its outcome is none in general. */
  readonly endsWell?: (end: NonNullable<RunView['end']>) => boolean;
}

/** How each outcome ends the process; the old version is alive after `indebted`, so that is no success. */
const exitOf: Readonly<Record<Outcome, number>> = {
  rotated: 0,
  'rolled-back': 0,
  observed: 0,
  nothing: 0,
  discarded: errorTable.VERIFICATION_FAILED.exit,
  failed: errorTable.VERIFICATION_FAILED.exit,
  indebted: errorTable.UNAVAILABLE.exit,
};

/** Shows a run until it ends. Ctrl-C and the time limit stop the watching, never the run. */
export async function followToEnd(context: CommandContext, run: LiveRun): Promise<number> {
  const { output } = context;
  const ports = await followPorts(context);
  const limit = run.timeout === undefined ? undefined : AbortSignal.timeout(run.timeout);
  const signal = limit === undefined ? context.signal : AbortSignal.any([context.signal, limit]);
  const shown = stepList(context.environment.stdout, output);
  let last: RunView | undefined;
  try {
    for await (const view of follow(ports, { ...run, signal, every: context.remote ? 1_000 : 500 })) {
      last = view;
      shown.show(view);
    }
  } finally {
    shown.close();
  }
  if (last?.end !== undefined) {
    const { outcome, why } = last.end;
    const ended = {
      credential: run.credential,
      outcome,
      why: why ?? null,
      version: last.version ?? null,
      steps: last.steps,
    };
    output.answer(ended, () => `${run.credential}: ${outcome}${why === undefined ? '' : `: ${why}`}`);
    return run.endsWell?.(last.end) === true ? 0 : exitOf[outcome];
  }
  const text = `${run.credential} is still rotating: watch it with keybaton status ${run.credential}`;
  if (context.signal.aborted) {
    output.note(`stopped watching; ${text}`);
    return 130;
  }
  throw new KeybatonError('UNAVAILABLE', `not ended within the time given; ${text}`);
}
