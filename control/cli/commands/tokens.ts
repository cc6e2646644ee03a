import { KeybatonError } from '../../../domain/errors.ts';
import type { ConsumerTokens } from '../../access/consumer-tokens.ts';
import { makeConsumerToken, revokeConsumerToken } from '../../operations/consumer-token.ts';
import type { Command } from '../command.ts';
import type { CliPorts } from '../environment.ts';
import { relative, table } from '../text.ts';

function tokensOf({ tokens }: CliPorts): ConsumerTokens {
  if (tokens !== undefined) return tokens;
  throw new KeybatonError(
    'UNSUPPORTED',
    'consumer tokens are made where the HTTP API keeps them: run this on its host',
  );
}

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
  async run({ output, ports, actor }, given) {
    const open = await ports();
    const lifetime = given.duration('lifetime');
    const ask = {
      credential: given.credential(),
      consumer: given.argument(1),
      actor,
      ...(lifetime === undefined ? {} : { lifetime }),
    };
    const { token, record } = await makeConsumerToken(open, tokensOf(open), ask);
    output.answer({ token, ...record }, () => token);
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
  async run({ output, ports }) {
    const open = await ports();
    const tokens = await tokensOf(open).list();
    const now = open.now();
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
  async run({ output, ports, actor }, given) {
    const open = await ports();
    const id = given.argument(0);
    await revokeConsumerToken(open, tokensOf(open), { id, actor });
    output.answer({ id, revoked: true }, () => 'revoked');
    return 0;
  },
};
