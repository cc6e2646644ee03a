import { rotateOperation } from '../../operations/table/rotate.ts';
import type { Command } from '../command.ts';
import { followToEnd } from '../live-run.ts';
import { waitOptions } from './wait-options.ts';

export const rotateCommand: Command = {
  name: 'rotate',
  summary: 'Make a new version, wait until every consumer has proved it, revoke the old one',
  about:
    'While a rotation runs, the request is honoured by that run or right after it. A run that was ended from outside is resumed. With --wait the exit code is 0 when it ended as rotated, rolled-back, observed or nothing; 8 when discarded or failed; 10 when the old version could not be killed yet.',
  arguments: [{ name: 'credential', about: 'provider/environment/application' }],
  options: [{ flags: '--why <reason>', about: 'for the ledger', default: 'asked at the command line' }, ...waitOptions],
  answers: ['credential', 'request', 'askedAt', 'afterN', 'rotation', 'trouble'],
  examples: [
    { line: 'keybaton rotate openai/prod/support-bot', about: 'ask for it and return' },
    {
      line: 'keybaton rotate openai/prod/support-bot --wait',
      about: 'show every step until it ends; Ctrl-C stops watching, not the rotation',
    },
    { line: 'keybaton rotate openai/prod/support-bot --why "laptop lost" --json', about: 'for a program' },
  ],
  async run(context, given) {
    const ask = {
      credential: given.credential(),
      why: given.required('why', 'say why, for the ledger'),
    };
    const asked = await context.call(rotateOperation, ask);
    if (given.flag('wait')) {
      return followToEnd(context, {
        credential: asked.credential,
        since: asked.askedAt,
        afterN: asked.afterN,
        request: asked.request,
        resume: async () => void (await context.call(rotateOperation, ask)),
        timeout: given.duration('timeout'),
      });
    }
    context.output.answer(asked, () =>
      [
        asked.rotation === 'running'
          ? `${asked.credential} is rotating already: the request is honoured by that run or right after it`
          : `${asked.credential}: rotation started`,
        `next: keybaton status ${asked.credential}`,
      ].join('\n'),
    );
    return 0;
  },
};
