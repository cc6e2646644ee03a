import { KeybatonError } from '../../../domain/errors.ts';
import type { CredentialId } from '../../../domain/identifiers.ts';
import { freezeOperation, pauseOperation, thawOperation, unpauseOperation } from '../../operations/table/stops.ts';
import type { Command, Given } from '../command.ts';
import { count } from '../text.ts';
import { noteTrouble } from '../told.ts';

const one = [{ name: 'credential', about: 'provider/environment/application' }];
const oneOrAll = [{ name: 'credential', about: 'provider/environment/application; or --all', optional: true }];
const why = { flags: '--why <reason>', about: 'for the ledger' };
const endWhy = { flags: '--why <reason>', about: 'for the ledger', default: 'asked at the command line' };
const all = { flags: '--all', about: 'everything' };

export const pauseCommand: Command = {
  name: 'pause',
  summary: 'Stop one rotation before its next effect',
  about: 'Nothing is undone. Refused once the revoke of the old version is authorised.',
  arguments: one,
  options: [why],
  answers: ['request', 'told'],
  examples: [{ line: 'keybaton pause openai/prod/support-bot --why "release night"', about: 'until unpause' }],
  async run({ output, call }, given) {
    const credential = given.credential();
    const done = await call(pauseOperation, { credential, why: given.required('why', 'say why it must wait') });
    output.answer(done, () => `${credential} is paused\nnext: keybaton unpause ${credential}`);
    noteTrouble(output, done.told);
    return 0;
  },
};

export const unpauseCommand: Command = {
  name: 'unpause',
  summary: 'Let a paused rotation go on',
  arguments: one,
  options: [endWhy],
  answers: ['credential', 'withdrawn', 'told'],
  examples: [{ line: 'keybaton unpause openai/prod/support-bot', about: 'it goes on where it stopped' }],
  async run({ output, call }, given) {
    const credential = given.credential();
    const done = await call(unpauseOperation, {
      credential,
      why: given.required('why', 'say why it may go on'),
    });
    output.answer(done, () => (done.withdrawn.length === 0 ? `${credential} was not paused` : `${credential} goes on`));
    noteTrouble(output, done.told);
    return 0;
  },
};

export const freezeCommand: Command = {
  name: 'freeze',
  summary: 'Stop all but emergencies, for one credential or for everything',
  arguments: oneOrAll,
  options: [all, why],
  answers: ['request', 'unreached'],
  examples: [
    {
      line: 'keybaton freeze --all --why "end of the quarter"',
      about: 'no version is made, promoted or revoked by schedule',
    },
    { line: 'keybaton freeze openai/prod/support-bot --why "launch"', about: 'only this one' },
  ],
  async run({ output, call }, given) {
    const scope = scopeFrom(given);
    const done = await call(freezeOperation, { ...scope, why: given.required('why', 'say why it must stop') });
    output.answer(
      done,
      () =>
        `${scope.credential ?? 'everything'} is frozen; emergencies are not\nnext: keybaton thaw ${scope.credential ?? '--all'}`,
    );
    done.unreached.forEach((text) => output.note(text));
    return 0;
  },
};

export const thawCommand: Command = {
  name: 'thaw',
  summary: 'End a freeze',
  arguments: oneOrAll,
  options: [all, endWhy],
  answers: ['withdrawn', 'stillFrozen', 'unreached'],
  examples: [
    { line: 'keybaton thaw --all', about: 'freezes of single credentials stay' },
    { line: 'keybaton thaw openai/prod/support-bot', about: 'only this one' },
  ],
  async run({ output, call }, given) {
    const scope = scopeFrom(given);
    const done = await call(thawOperation, { ...scope, why: given.required('why', 'say why it may go on') });
    const what = scope.credential ?? 'everything';
    output.answer(done, () =>
      [
        done.withdrawn.length === 0
          ? `${what} was not frozen by itself`
          : `${what}: ${count(done.withdrawn.length, 'freeze')} ended`,
        ...(done.stillFrozen && scope.credential !== undefined
          ? ['it stays frozen, since everything is: keybaton thaw --all']
          : []),
      ].join('\n'),
    );
    done.unreached.forEach((text) => output.note(text));
    return 0;
  },
};

function scopeFrom(given: Given): { credential?: CredentialId } {
  const named = given.optionalArgument(0) !== undefined;
  if (named === given.flag('all')) throw new KeybatonError('INVALID_CONFIG', 'name one credential, or say --all');
  return named ? { credential: given.credential() } : {};
}
