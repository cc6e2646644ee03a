import type { StatusView } from './status.ts';

/** What a person could do now, most urgent first. Pure. */
export function nextSteps(view: Omit<StatusView, 'next'>, asks: boolean): StatusView['next'] {
  const { summary, run } = view;
  const id = summary.id;
  const steps: { command: string; why: string }[] = [];
  const offer = (command: string, why: string): void => void steps.push({ command: `keybaton ${command}`, why });

  for (const incident of view.incidents) offer(`incident show ${incident}`, 'an open emergency names a version of it');
  if (view.requests.some(({ kind }) => kind === 'pause')) offer(`unpause ${id}`, 'it is paused');
  if (summary.frozen)
    offer(view.requests.some(({ kind }) => kind === 'freeze') ? 'thaw --all' : `thaw ${id}`, 'it is frozen');
  if (summary.rotating && run === null && view.trouble === null)
    offer(`rotate ${id}`, 'its run was ended from outside: this resumes it');
  if (view.trouble !== null) offer('doctor', 'the running rotation could not be asked');
  if (run?.step === 'held') {
    for (const consumer of consumersOf(view.missing).slice(0, 3)) {
      offer(`waive ${id} ${consumer} --why "..."`, 'if this one will never prove it');
    }
    offer(`release ${id} --unproved --why "..."`, 'if all that is missing may be done without');
    offer(`rollback ${id} --why "..."`, 'if the new version does not work');
  }
  if (asks && summary.mode === 'ask' && summary.debts.length > 0 && view.missing.length === 0) {
    offer(`release ${id} --ask --why "..."`, 'mode ask waits for this before it revokes');
  }
  if (summary.status === 'retiring')
    offer(`release ${id} --retire --why "..."`, 'its entry was removed: this lets its versions die');
  if (summary.status === 'managed' && !summary.rotating && summary.due.why !== null)
    offer(`rotate ${id}`, summary.due.why);
  return steps;
}

/** `web/a: not proved (possession)` names the consumer `web`. */
function consumersOf(missing: readonly string[]): readonly string[] {
  const names = missing.map((text) => /^([a-z0-9][a-z0-9-]*)[/:]/.exec(text)?.[1]).filter((name) => name !== undefined);
  return [...new Set(names)];
}
