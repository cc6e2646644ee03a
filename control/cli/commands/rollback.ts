import { parseVersionId } from '../../../domain/identifiers.ts';
import { rollbackOperation } from '../../operations/table/release.ts';
import type { Command } from '../command.ts';
import { followToEnd } from '../live-run.ts';
import { waitOptions } from './wait-options.ts';

export const rollbackCommand: Command = {
  name: 'rollback',
  summary: 'Make an earlier version current again; the abandoned one dies after everybody has moved back',
  about: 'Possible until the revoke of the earlier version is authorised.',
  arguments: [{ name: 'credential', about: 'provider/environment/application' }],
  options: [
    { flags: '--to <version>', about: 'which one (default: the newest that can be current again)' },
    { flags: '--why <reason>', about: 'for the ledger' },
    ...waitOptions,
  ],
  answers: ['request', 'version', 'afterN', 'told'],
  examples: [
    {
      line: 'keybaton rollback openai/prod/support-bot --why "the new key lacks a permission" --wait',
      about: 'and watch until it ends',
    },
  ],
  async run(context, given) {
    const to = given.text('to');
    const ask = {
      credential: given.credential(),
      why: given.required('why', 'say what is wrong with the new version'),
      ...(to === undefined ? {} : { version: parseVersionId(to) }),
    };
    const asked = await context.call(rollbackOperation, ask);
    if (given.flag('wait')) {
      return followToEnd(context, {
        credential: ask.credential,
        since: asked.request.at,
        afterN: asked.afterN,
        request: asked.request.id,
        resume: async () => void (await context.call(rollbackOperation, { ...ask, version: asked.version })),
        timeout: given.duration('timeout'),
      });
    }
    context.output.answer(
      asked,
      () => `${ask.credential}: going back to ${asked.version}\nnext: keybaton status ${ask.credential}`,
    );
    return 0;
  },
};
