import { tokenListOperation, tokenMakeOperation, tokenRevokeOperation } from '../../operations/table/tokens.ts';
import type { Command } from '../command.ts';
import { relative, table } from '../text.ts';

export const tokenMakeCommand: Command = {
  name: 'token make',
  summary: 'Make a token with which one consumer reads and proves one credential',
  about: 'It is shown once and kept only as a hash. Make the next one before you revoke the last.',
  arguments: [
    { name: 'credential', about: 'provider/environment/application' },
    { name: 'consumer', about: 'as the inventory names it' },
  ],
  options: [{ flags: '--lifetime <duration>', about: 'how long it is good for (default: 90d)' }],
  answers: ['token', 'id', 'credential', 'consumer', 'madeAt', 'expiresAt', 'madeBy'],
  examples: [
    {
      line: 'keybaton token make openai/prod/support-bot web > token.txt',
      about: 'only the token goes to standard output',
    },
  ],
  async run({ output, call }, given) {
    const lifetime = given.duration('lifetime');
    const record = await call(tokenMakeOperation, {
      credential: given.credential(),
      consumer: given.argument(1),
      ...(lifetime === undefined ? {} : { lifetime }),
    });
    output.answer(record, () => record.token);
    output.note(
      `token ${record.id} of ${record.consumer} for ${record.credential}: shown this once, good until ${new Date(record.expiresAt).toISOString()}`,
    );
    return 0;
  },
};

export const tokenListCommand: Command = {
  name: 'token list',
  summary: 'Show consumer tokens, without their values',
  answers: ['tokens'],
  examples: [{ line: 'keybaton token list', about: 'which are in use, and until when' }],
  async run({ output, call }) {
    const { tokens } = await call(tokenListOperation, {});
    const now = Date.now();
    output.answer({ tokens }, () =>
      tokens.length === 0
        ? 'no token yet: keybaton token make'
        : table(
            ['TOKEN', 'CREDENTIAL', 'CONSUMER', 'EXPIRES', 'MADE BY'],
            tokens.map((one) => [one.id, one.credential, one.consumer, relative(one.expiresAt, now), one.madeBy]),
            output.width,
          ),
    );
    return 0;
  },
};

export const tokenRevokeCommand: Command = {
  name: 'token revoke',
  summary: 'End a consumer token at once',
  arguments: [{ name: 'token', about: 'its id, as token list shows it' }],
  answers: ['id', 'revoked'],
  examples: [{ line: 'keybaton token revoke 1f3a9c0b2d4e', about: 'whoever uses it is refused from now on' }],
  async run({ output, call }, given) {
    const id = given.argument(0);
    await call(tokenRevokeOperation, { id });
    output.answer({ id, revoked: true }, () => 'revoked');
    return 0;
  },
};
