import { hostname, constants } from 'node:os';
import { errorTable, KeybatonError } from '../../../domain/errors.ts';
import type { Command, CommandContext, Given } from '../command.ts';

const token = 'KEYBATON_TOKEN';
const url = 'KEYBATON_URL';

export const execCommand: Command = {
  name: 'exec',
  summary: 'Run a program with a secret, as one instance of a consumer',
  about:
    'For programs that know nothing of keybaton. The secret comes in variables or files; at a new version the program is started anew, or signalled; once the health check holds, the version is proved. Where it does not hold, the program goes back to the previous version, and nothing is revoked. KEYBATON_TOKEN holds the token of the consumer; the program does not get it. The exit code is that of the program.',
  arguments: [
    { name: 'credential', about: 'provider/environment/application' },
    { name: 'command...', about: 'the program and its arguments, after --' },
  ],
  options: [
    { flags: '--consumer <name>', about: 'as the inventory names it' },
    { flags: '--instance <name>', about: 'the name of this copy, the same after a restart (default: the host name)' },
    { flags: '--env <variable=field...>', about: 'a variable of the program, and the field that it gets' },
    { flags: '--file <path=field...>', about: 'a file of mode 0600, and the field that it gets' },
    {
      flags: '--health <line>',
      about: 'for /bin/sh: exits with 0 once the program works with its secret, by using it',
    },
    { flags: '--healthy-within <duration>', about: 'it must hold by then', default: '60s' },
    { flags: '--on-change <signal>', about: 'signal the program, such as HUP, instead of starting it anew' },
    { flags: '--stop-within <duration>', about: 'from SIGTERM to SIGKILL', default: '10s' },
    { flags: '--spread <duration>', about: 'copies take up a change within so long', default: '5s' },
  ],
  answers: [],
  examples: [
    {
      line: "keybaton exec openai/prod/bot --consumer web --env OPENAI_API_KEY=api_key --health 'app ping' -- node server.js",
      about: 'started anew at every version; the check must use the key',
    },
    {
      line: "keybaton exec openai/prod/bot --consumer web --file /run/key=api_key --on-change HUP --health 'app ping' -- app",
      about: 'the file is replaced and the program signalled',
    },
  ],
  async run(context, given) {
    const { exec } = context.environment;
    if (exec === undefined)
      throw new KeybatonError('UNSUPPORTED', 'this process starts no program: run keybaton itself');
    const { credential, command } = commandOf(given);
    const variables = given.texts('env').map((text) => injected('env', text));
    const files = given.texts('file').map((text) => injected('file', text));
    if (variables.length + files.length === 0)
      throw new KeybatonError(
        'INVALID_CONFIG',
        '--env or --file is missing: nothing of the secret would reach the program',
      );
    const onChange = given.text('onChange');
    if (onChange !== undefined && variables.length > 0)
      throw new KeybatonError(
        'INVALID_CONFIG',
        '--on-change goes with --file alone: the variables of a running program cannot change',
      );
    const ask = {
      connect: {
        url: variableOf(context, url, 'http://127.0.0.1:7270'),
        token: variableOf(context, token),
        credential,
        consumer: given.required('consumer', 'the name that the inventory gives it'),
        instance: given.text('instance') ?? hostname(),
      },
      command,
      variables,
      files,
      ...(onChange === undefined ? {} : { signalOnChange: signalOf(onChange) }),
      health: given.required('health', 'a version is proved only once the program was seen to work with it'),
      healthyWithin: given.duration('healthyWithin') ?? 60_000,
      stopWithin: given.duration('stopWithin') ?? 10_000,
      spread: given.duration('spread') ?? 5_000,
      signal: context.signal,
      say: (text: string) => context.output.note(`keybaton: ${text}`),
    };
    return exec(ask).catch((thrown: unknown) => {
      throw failure(thrown);
    });
  },
};

function commandOf(given: Given): { credential: string; command: readonly [string, ...string[]] } {
  const [, program, ...more] = given.rest();
  if (program === undefined) throw new KeybatonError('INVALID_CONFIG', 'the program is missing: give it after --');
  return { credential: given.credential(), command: [program, ...more] };
}

function injected(option: string, text: string): { readonly name: string; readonly field: string } {
  const at = text.lastIndexOf('=');
  const [name, field] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
  if (name !== '' && field !== '') return { name, field };
  throw new KeybatonError('INVALID_CONFIG', `--${option} wants name=field, such as OPENAI_API_KEY=api_key`);
}

function variableOf({ environment }: CommandContext, name: string, fallback?: string): string {
  const value = environment.variable?.(name) ?? fallback;
  if (value !== undefined && value !== '') return value;
  throw new KeybatonError('INVALID_CONFIG', `${name} is not set: make a token with keybaton token make`);
}

function signalOf(text: string): NodeJS.Signals {
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  const known = Object.keys(constants.signals).find((one): one is NodeJS.Signals => one === name);
  if (known !== undefined) return known;
  throw new KeybatonError('INVALID_CONFIG', '--on-change wants the name of a signal, such as HUP');
}

/** What the consumer's side throws, in our codes. */
function failure(thrown: unknown): KeybatonError {
  if (!(thrown instanceof Error)) return new KeybatonError('UNAVAILABLE', 'the program could not be run');
  const code = 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOENT' || code === 'EACCES')
    return new KeybatonError('INVALID_CONFIG', `the program or a file cannot be opened (${code})`);
  const known = Object.keys(errorTable).find((one): one is keyof typeof errorTable => one === code);
  return new KeybatonError(known ?? (code === undefined ? 'INVALID_CONFIG' : 'UNAVAILABLE'), thrown.message);
}
