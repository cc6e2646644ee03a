import { planOperation } from '../../operations/table/rehearse.ts';
import type { Command } from '../command.ts';
import { exitOfFindings, findingsText } from '../findings.ts';
import { printable, wrapped } from '../text.ts';

export const planCommand: Command = {
  name: 'plan',
  summary: 'Show what a rotation would do, and what would fail now',
  about:
    'Asks the provider and the backends and changes nothing. The exit code is 8 when something would fail, 10 when it cannot be told.',
  arguments: [{ name: 'credential', about: 'provider/environment/application' }],
  answers: ['credential', 'due', 'steps', 'findings'],
  examples: [
    {
      line: 'keybaton plan openai/prod/support-bot',
      about: 'before a rotation: permission, room, who would have to prove',
    },
  ],
  async run({ output, call }, given) {
    const view = await call(planOperation, { credential: given.credential() });
    output.answer(view, () =>
      [
        `${view.credential}: ${view.due === null ? 'not due' : `due: ${printable(view.due)}`}`,
        ...view.steps.map((step, index) => wrapped(`${index + 1}. ${step}`, output.width, '  ')),
        '',
        findingsText(view.findings, output.width),
      ].join('\n'),
    );
    return exitOfFindings(view.findings);
  },
};
