import type { z } from 'zod';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import type { CliEnvironment, CliPorts } from './environment.ts';
import type { Operation } from '../operations/operation.ts';
import type { Output } from './output.ts';
import type { Sessions } from './sessions.ts';

/** One command of `keybaton`, as data: commander, `--help` and the documentation are made from it. */
export interface Command {
  /** As typed: `rotate`, `audit verify`. */
  readonly name: string;
  /** One line, beginning with a verb. */
  readonly summary: string;
  /** More, where the summary does not suffice. */
  readonly about?: string;
  readonly arguments?: readonly { readonly name: string; readonly about: string; readonly optional?: boolean }[];
  readonly options?: readonly CommandOption[];
  /** Keys of the document that `--json` prints (of each line, for a command that goes on); they stay as they are. */
  readonly answers: readonly string[];
  readonly examples: readonly { readonly line: string; readonly about: string }[];
  /** It takes a secret, from a hidden prompt or standard input: anything that looks like one on the command line is refused. */
  readonly takesSecret?: boolean;
  /** Answers the exit code; throws KeybatonError. */
  run(context: CommandContext, given: Given): Promise<number>;
}

export interface CommandOption {
  /** In commander's form: `--why <reason>`, `--wait`. */
  readonly flags: string;
  readonly about: string;
  readonly default?: string;
}

/** What was typed, read through these so that no command casts. */
export interface Given {
  argument(index: number): string;
  optionalArgument(index: number): string | undefined;
  /** All of them, for an argument that may be given several times (`credential...`). */
  rest(): readonly string[];
  /** The first argument as a credential id. Throws INVALID_CONFIG. */
  credential(): CredentialId;
  text(option: string): string | undefined;
  /** Throws INVALID_CONFIG saying what the option is for. */
  required(option: string, what: string): string;
  /** Of an option that may be given several times (`--env <variable=field...>`). */
  texts(option: string): readonly string[];
  flag(option: string): boolean;
  /** A duration option in milliseconds. */
  duration(option: string): number | undefined;
  number(option: string): number | undefined;
}

/** Does an operation here, or, with KEYBATON_URL, at the API: the same input, the same answer. */
export type CallOperation = <Input extends z.ZodType, Answer extends z.ZodType>(
  operation: Operation<Input, Answer>,
  input: z.input<Input>,
) => Promise<z.output<Answer>>;

export interface CommandContext {
  readonly call: CallOperation;
  /** An API is asked, and this machine's own ledger is not ours to touch: `ports` refuses. */
  readonly remote: boolean;
  /** Which API, as whom. */
  readonly sessions: Sessions;
  readonly environment: CliEnvironment;
  readonly output: Output;
  /** `os:<user>`. */
  readonly actor: string;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  /** Opened once, closed by `runCli`. */
  readonly ports: () => Promise<CliPorts>;
  /** Likewise; what emergencies need, whatever is down. */
  readonly incidentPorts: () => Promise<EmergencyPorts>;
  /** Of this machine even where an API is asked: for who says that this machine kills. */
  readonly ownIncidentPorts: () => Promise<EmergencyPorts>;
}
