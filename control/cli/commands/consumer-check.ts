import { KeybatonError } from '../../../domain/errors.ts';
import type { WiringSeen } from '../../consumer-wiring.ts';
import { checkConsumer } from '../../operations/consumer-check.ts';
import type { Finding } from '../../ports.ts';
import type { Command, CommandContext, Given } from '../command.ts';
import { exitOfFindings, findingsText } from '../findings.ts';

export const consumerCheckCommand: Command = {
  name: 'consumer check',
  summary: 'Look whether a consumer can read and prove, is registered, and what it holds',
  about:
    'With KEYBATON_TOKEN set it looks from where it runs, as the consumer: reaches the API at KEYBATON_URL, reads, and makes a proof. Without it, it looks at what keybaton knows: token, instances, evidence, endpoint. Neither counts for any rotation: it registers nothing, and its proof is made for an epoch that no rotation has. The exit code is 8 when something is wrong, 10 when it cannot be told.',
  arguments: [
    { name: 'credential', about: 'provider/environment/application' },
    { name: 'consumer', about: 'as the inventory names it' },
  ],
  options: [
    { flags: '--mounted <path>', about: 'where the secret is mounted, when it is not read from the embedded vault' },
    { flags: '--field <name>', about: 'the field that is proved, where there are several' },
  ],
  answers: ['credential', 'consumer', 'from', 'epoch', 'holds', 'findings'],
  examples: [
    { line: 'keybaton consumer check openai/prod/support-bot web', about: 'what keybaton knows of it' },
    {
      line: 'keybaton consumer check openai/prod/support-bot web --mounted /run/secrets/openai --field api_key',
      about: 'from inside its pod, where KEYBATON_URL and KEYBATON_TOKEN are set',
    },
  ],
  async run(context, given) {
    const token = context.environment.variable?.('KEYBATON_TOKEN') ?? '';
    const view = token === '' ? await fromOutside(context, given) : await fromInside(context, given, token);
    const { credential, consumer, epoch, findings, holds } = view;
    context.output.answer(view, () =>
      [
        `${credential} as ${consumer}: ${epoch === null ? 'no epoch known' : `epoch ${String(epoch)}`}`,
        ...holds.map((one) => `  ${one.instance} holds ${one.version} of epoch ${String(one.epoch)}`),
        '',
        findingsText(findings, context.output.width),
      ].join('\n'),
    );
    return exitOfFindings(findings);
  },
};

interface View {
  readonly credential: string;
  readonly consumer: string;
  readonly from: 'keybaton' | 'the consumer';
  readonly epoch: number | null;
  readonly holds: readonly { readonly instance: string; readonly version: string; readonly epoch: number }[];
  readonly findings: readonly Finding[];
}

async function fromOutside({ ports }: CommandContext, given: Given): Promise<View> {
  if (given.text('mounted') !== undefined || given.text('field') !== undefined) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      '--mounted and --field are for looking from where the consumer runs: set KEYBATON_TOKEN there',
    );
  }
  const open = await ports();
  const input = { credential: given.credential(), consumer: given.argument(1) };
  const { version: _version, ...view } = await checkConsumer(open, open.tokens, input);
  return { ...view, from: 'keybaton' };
}

async function fromInside({ environment }: CommandContext, given: Given, token: string): Promise<View> {
  const { wiring } = environment;
  if (wiring === undefined) throw new KeybatonError('UNSUPPORTED', 'this process cannot look from inside');
  const [credential, consumer] = [given.credential(), given.argument(1)];
  const url = environment.variable?.('KEYBATON_URL') ?? 'http://127.0.0.1:7270';
  const seen: WiringSeen = await wiring({
    ...{ url, token, credential, consumer },
    mounted: given.text('mounted'),
    field: given.text('field'),
  });
  const holds = seen.holds === undefined ? [] : [{ instance: 'this place', ...seen.holds }];
  const epoch = seen.epoch === 0 ? null : seen.epoch;
  return { credential, consumer, from: 'the consumer', epoch, holds, findings: seen.findings };
}
