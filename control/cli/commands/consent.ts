import { acknowledgeOperation, waiveOperation } from '../../operations/table/consent.ts';
import type { Command, Given } from '../command.ts';
import { noteTrouble } from '../told.ts';

const named = [
  { name: 'credential', about: 'provider/environment/application' },
  { name: 'consumer', about: 'as the inventory names it' },
];
const options = [
  { flags: '--instance <name>', about: 'only this running copy' },
  { flags: '--why <reason>', about: 'for the ledger' },
];

function asked(given: Given, what: string): { consumer: string; why: string; instance?: string } {
  const instance = given.text('instance');
  return {
    consumer: given.argument(1),
    why: given.required('why', what),
    ...(instance === undefined ? {} : { instance }),
  };
}

export const acknowledgeCommand: Command = {
  name: 'acknowledge',
  summary: 'Say that a consumer uses the new version: the weakest evidence, under your name',
  about: 'Counts only where the entry demands no more than acknowledged.',
  arguments: named,
  options,
  answers: ['credential', 'consumer', 'epoch', 'missing', 'told'],
  examples: [
    {
      line: 'keybaton acknowledge anthropic/prod/search nightly --why "restarted it, it answers"',
      about: 'for a consumer that cannot prove by itself',
    },
  ],
  async run({ output, call }, given) {
    const ask = { credential: given.credential(), ...asked(given, 'say how you know') };
    const done = await call(acknowledgeOperation, ask);
    output.answer(done, () =>
      done.missing === 0
        ? `recorded for epoch ${done.epoch}; nobody is missing any more`
        : `recorded for epoch ${done.epoch}; still missing: ${done.missing}\nnext: keybaton status ${ask.credential}`,
    );
    if (done.told !== null) noteTrouble(output, done.told);
    return 0;
  },
};

export const waiveCommand: Command = {
  name: 'waive',
  summary: 'Do without the proof of one consumer, for this epoch, under your name',
  about: 'If it still uses the old version, the revoke will cut it off.',
  arguments: named,
  options,
  answers: ['credential', 'consumer', 'epoch', 'told'],
  examples: [
    {
      line: 'keybaton waive openai/prod/support-bot batch --why "switched off since May"',
      about: 'the whole consumer',
    },
    {
      line: 'keybaton waive openai/prod/support-bot web --instance web-7 --why "node is gone"',
      about: 'one running copy that will not come back',
    },
  ],
  async run({ output, call }, given) {
    const ask = { credential: given.credential(), ...asked(given, 'say why its proof is not needed') };
    const done = await call(waiveOperation, ask);
    output.answer(done, () => `waived for epoch ${done.epoch}\nnext: keybaton status ${ask.credential}`);
    noteTrouble(output, done.told);
    return 0;
  },
};
