import { Command as CommanderCommand } from 'commander';
import { KeybatonError } from '../../domain/errors.ts';
import { isCredentialId } from '../../domain/identifiers.ts';
import type { Command, CommandContext } from './command.ts';
import { commands } from './commands.ts';
import type { CliEnvironment } from './environment.ts';
import { givenFrom } from './given.ts';

export interface ProgramInput {
  readonly environment: CliEnvironment;
  readonly context: CommandContext;
  readonly ended: (exit: number) => void;
}

/** The commander program, made from the table of commands. */
export function programFrom({ environment, context, ended }: ProgramInput): CommanderCommand {
  const program = new CommanderCommand('keybaton')
    .description('Replaces the secrets of AI systems before they are stolen and kills them when they are.')
    .version(environment.version ?? 'unknown', '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .showHelpAfterError(false)
    .addHelpText('after', '\nEvery command has --help with examples, and --json for programs.');
  settle(program, environment);
  const groups = new Map<string, CommanderCommand>();
  for (const command of commands) {
    const words = command.name.split(' ');
    const last = words.at(-1) ?? command.name;
    const parent = words.length === 1 ? program : groupOf(words[0] ?? '', program, groups, environment);
    add(parent.command(last), command, { environment, context, ended });
  }
  return program;
}

/** What commands of two words have in common. */
const groupSummaries: Readonly<Record<string, string>> = {
  audit: 'Check the record itself',
  incident: 'Watch, list, hurry, close and report emergencies',
  'kill-sheet': 'What an emergency knows when everything else is down',
  provider: 'Begin a provider of your own, and hold it to the contract',
  token: 'Make, show and end the tokens of consumers',
  vault: 'Tend the vault inside keybaton',
};

function groupOf(
  name: string,
  program: CommanderCommand,
  groups: Map<string, CommanderCommand>,
  environment: CliEnvironment,
): CommanderCommand {
  const known = groups.get(name);
  if (known !== undefined) return known;
  const group = program
    .command(name)
    .description(groupSummaries[name] ?? name)
    .helpCommand(false);
  settle(group, environment);
  groups.set(name, group);
  return group;
}

function settle(command: CommanderCommand, { stdout, stderr }: CliEnvironment): void {
  command
    .exitOverride()
    .configureHelp({ subcommandTerm: termOf })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      // Commander's complaints repeat what was typed, which may be a secret: ours follow. Help after "no command" is kept.
      writeErr: (text) => void (text.startsWith('error:') ? undefined : stderr.write(text)),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    });
}

/** `rotate <credential>`, without the `[options]` that stands behind every one. */
function termOf(command: CommanderCommand): string {
  const args = command.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`));
  return [command.name(), ...args].join(' ');
}

function add(target: CommanderCommand, command: Command, input: ProgramInput): void {
  settle(target, input.environment);
  target.summary(command.summary).description(sentence(command));
  for (const { name, about, optional } of command.arguments ?? [])
    target.argument(optional === true ? `[${name}]` : `<${name}>`, about);
  for (const option of command.options ?? []) target.option(option.flags, option.about, option.default);
  // What a program prints is its own answer.
  if (command.answers.length > 0)
    target.option('--json', `answer in JSON, for programs: ${command.answers.join(', ')}`);
  target.helpOption('-h, --help', 'show this help');
  target.addHelpText(
    'after',
    ['', 'Examples:', ...command.examples.flatMap(({ line, about }) => [`  ${line}`, `      ${about}`])].join('\n'),
  );
  if (command.takesSecret === true) target.allowUnknownOption().allowExcessArguments();
  else target.allowExcessArguments(false);
  target.action(async () => {
    if (command.takesSecret === true) refuseSecretArguments(target, command);
    input.ended(await command.run(input.context, givenFrom(target.args, target.opts())));
  });
}

function sentence({ summary, about }: Command): string {
  return about === undefined ? `${summary}.` : `${summary}.\n\n${about}`;
}

/** Arguments are seen by every user of the machine and kept in the shell's history. */
function refuseSecretArguments(target: CommanderCommand, { arguments: expected = [] }: Command): void {
  const [first] = target.args;
  if (target.args.length <= expected.length && first !== undefined && isCredentialId(first)) return;
  throw new KeybatonError(
    'INVALID_CONFIG',
    'expected a credential id alone: a secret is never given as an argument: other users of this machine and the history of your shell can read it. if you gave one, treat it as leaked, and give its replacement at the prompt or on standard input',
  );
}
