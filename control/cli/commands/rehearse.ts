import { rehearseOperation } from '../../operations/table/rehearse.ts';
import { statusOperation } from '../../operations/table/status.ts';
import type { Command } from '../command.ts';
import { followToEnd } from '../live-run.ts';
import { waitOptions } from './wait-options.ts';

export const rehearseCommand: Command = {
  name: 'rehearse',
  summary: 'Make, store and verify a version, then discard it: nothing is promoted',
  about:
    'Consumers are asked to prove the version they have; who could not is shown after it. With --wait the exit code is 0 when the new version worked and was discarded, 8 when it did not.',
  arguments: [{ name: 'credential', about: 'provider/environment/application' }],
  options: waitOptions,
  answers: ['credential', 'startedAt', 'afterN'],
  examples: [{ line: 'keybaton rehearse openai/prod/support-bot --wait', about: 'before the first real rotation' }],
  async run(context, given) {
    const { credential, startedAt, afterN } = await context.call(rehearseOperation, {
      credential: given.credential(),
    });
    if (!given.flag('wait')) {
      context.output.answer(
        { credential, startedAt },
        () => `${credential}: rehearsal started\nnext: keybaton status ${credential}`,
      );
      return 0;
    }
    const exit = await followToEnd(context, {
      credential,
      since: startedAt,
      afterN,
      resume: () => Promise.resolve(),
      timeout: given.duration('timeout'),
      endsWell: ({ outcome, why }) => outcome === 'discarded' && why === 'rehearsed',
    });
    const { missing } = await context.call(statusOperation, { credential });
    missing.forEach((one) => context.output.note(`could not prove: ${one}`));
    return exit;
  },
};
