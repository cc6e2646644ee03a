import { CommanderError } from 'commander';
import { KeybatonError } from '../../domain/errors.ts';
import { whereCommandsGo } from './context.ts';
import { complaintOf, complaintText } from './complaint.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import type { CliEnvironment, CliPorts } from './environment.ts';
import { outputTo } from './output.ts';
import { programFrom } from './program.ts';
import { openSessions } from './sessions.ts';
import { packageVersion } from './version.ts';

/** The shell's own number for "ended by Ctrl-C". */
const interrupted = 130;

/**
 * Runs one command line (without `node` and the script) and answers its exit code. Never throws, never prints a stack
 * and never ends the process: whoever calls it does.
 */
export async function runCli(argv: readonly string[], environment: CliEnvironment): Promise<number> {
  const json = argv.includes('--json');
  const output = outputTo(environment.stdout, environment.stderr, json);
  const stop = stopSignal(environment.signal);
  let opened: Promise<CliPorts> | undefined;
  let openedForIncidents: Promise<EmergencyPorts> | undefined;
  let exit = 0;
  const actor = `os:${environment.user}`;
  const sessions = openSessions(environment.variable ?? (() => undefined));
  const local = {
    ports: () => (opened ??= environment.openPorts()),
    incidentPorts: () => (openedForIncidents ??= environment.openIncidentPorts()),
  };
  try {
    const program = programFrom({
      environment: { ...environment, version: environment.version ?? packageVersion() },
      context: {
        ...(await whereCommandsGo(local, actor, sessions)),
        environment,
        output,
        actor,
        sessions,
        signal: stop.signal,
      },
      ended: (code) => {
        exit = code;
      },
    });
    await program.parseAsync([...argv], { from: 'user' });
  } catch (thrown) {
    exit = stop.signal.aborted && !(thrown instanceof KeybatonError) ? interrupted : fail(thrown, environment, json);
  } finally {
    stop.forget();
    // What never opened needs no closing, and why it did not open has been told above.
    await opened?.then((ports) => ports.close()).catch(() => undefined);
    await openedForIncidents?.then((ports) => ports.close()).catch(() => undefined);
  }
  return exit;
}

function fail(thrown: unknown, { stderr }: CliEnvironment, json: boolean): number {
  // `--help` and `--version` end this way too, and have printed already.
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
  const complaint = complaintOf(
    thrown instanceof CommanderError ? new KeybatonError('INVALID_CONFIG', usage(thrown)) : thrown,
  );
  stderr.write(`${json ? JSON.stringify(complaint) : complaintText(complaint)}\n`);
  return complaint.error.exit;
}

/** Commander's sentence without what was typed: an unknown option or argument may be a secret. */
function usage({ code }: CommanderError): string {
  const known: Readonly<Record<string, string>> = {
    'commander.unknownOption': 'unknown option',
    'commander.unknownCommand': 'unknown command',
    'commander.missingArgument': 'an argument is missing',
    'commander.optionMissingArgument': 'an option lacks its value',
    'commander.missingMandatoryOptionValue': 'an option is missing',
    'commander.excessArguments': 'too many arguments',
    'commander.help': 'no command was given',
  };
  return `${known[code] ?? 'the command line is not understood'}: see keybaton --help, or --help after the command`;
}

/** The first Ctrl-C asks to stop; a second one ends the process as it always does. */
function stopSignal(given: AbortSignal | undefined): { signal: AbortSignal; forget(): void } {
  if (given !== undefined) return { signal: given, forget: () => undefined };
  const controller = new AbortController();
  const stop = (): void => {
    controller.abort();
    forget();
  };
  const forget = (): void => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return { signal: controller.signal, forget };
}
