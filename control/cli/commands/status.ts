import { statusAllOperation, statusOperation } from '../../operations/table/status.ts';
import type { StatusView } from '../../operations/status.ts';
import type { Command } from '../command.ts';
import { relative, wrapped } from '../text.ts';
import { standingText } from './sweep.ts';

export const statusCommand: Command = {
  name: 'status',
  summary: 'Show where a rotation stands, what it waits for and what you can do',
  about:
    'Without a credential: everything that is rotating or needs somebody. Works while Temporal is down: then it shows what the ledger knows, and says so.',
  arguments: [{ name: 'credential', about: 'provider/environment/application', optional: true }],
  answers: ['now', 'summary', 'run', 'trouble', 'backends', 'requests', 'missing', 'silence', 'incidents', 'next'],
  examples: [
    { line: 'keybaton status', about: 'what moves, and what needs somebody' },
    {
      line: 'keybaton status openai/prod/support-bot',
      about: 'one credential: its step, what it waits for, what to do next',
    },
  ],
  async run({ output, call }, given) {
    if (given.optionalArgument(0) !== undefined) {
      const view = await call(statusOperation, { credential: given.credential() });
      output.answer(view, () => statusText(view, output.width));
      return 0;
    }
    const all = await call(statusAllOperation, {});
    output.answer(all, () => {
      const quiet = `${all.total - all.credentials.length} of ${all.total} quiet`;
      const { schedule } = all;
      const stopped =
        schedule === null || schedule.state === 'running' ? [] : [`sweeps: ${standingText(schedule, Date.now())}`];
      return [...all.credentials.map((view) => statusText(view, output.width)), ...stopped, quiet].join('\n\n');
    });
    return 0;
  },
};

export function statusText(view: StatusView, width: number): string {
  const { summary, now, run } = view;
  const { current, due } = summary;
  const line = (label: string, text: string): string =>
    wrapped(text, width, ' '.repeat(12)).replace(/^ {12}/, `  ${label.padEnd(9)} `);
  const lines = [
    `${summary.id}  (${[summary.status, summary.mode, `team ${summary.team}`].join(', ')})`,
    line(
      'current',
      current === null
        ? 'no version yet'
        : `${current.version}, epoch ${current.epoch}, since ${relative(current.since, now)}`,
    ),
    line('due', due.why ?? relative(due.at, now)),
    ...(current === null ? [] : view.backends.map((one) => line('backend', `${one.backend}: ${one.standing}`))),
  ];
  if (run !== null) {
    lines.push(line('step', `${run.step}, since ${relative(run.since, now)}`));
    if (run.waitsFor !== null) lines.push(line('waits for', run.waitsFor));
  } else if (view.trouble !== null) {
    lines.push(line('step', `not known: ${view.trouble}`));
  } else {
    lines.push(line('step', summary.rotating ? 'a run is open, and nobody works on it' : 'nothing runs'));
  }
  if (summary.compromised.length > 0)
    lines.push(line('leaked', `${summary.compromised.join(', ')} (compromised, not dead)`));
  for (const incident of view.incidents) lines.push(line('incident', `${incident} is open`));
  if (due.failedAttempts > 0)
    lines.push(line('failed', `${due.failedAttempts} times; next attempt ${relative(due.nextAttemptAt, now)}`));
  for (const debt of summary.debts) lines.push(line('to die', debt));
  for (const missing of view.missing) lines.push(line('missing', missing));
  for (const { version, missing } of view.silence) lines.push(line('silence', `${version}: ${missing}`));
  for (const request of view.requests)
    lines.push(line('request', `${request.kind} by ${request.who}, ${relative(request.at, now)}: ${request.why}`));
  for (const alarm of summary.alarms)
    lines.push(line(alarm.page ? 'PAGE' : 'alarm', `${alarm.text} (${relative(alarm.raisedAt, now)})`));
  for (const { command, why } of view.next) lines.push(line('next', `${command}  (${why})`));
  return lines.join('\n');
}
