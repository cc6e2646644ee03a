import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { connect, type ConnectOptions } from '../connect.ts';
import { inTime, pause } from '../pause.ts';
import { holds, startProgram, type Program } from './program.ts';

export interface ExecOptions {
  readonly connect: Pick<ConnectOptions, 'url' | 'token' | 'credential' | 'consumer' | 'instance'> &
    Partial<ConnectOptions>;
  readonly command: readonly [string, ...string[]];
  /** What the program gets beside the secret. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Variables of the program, each with the field that it gets. */
  readonly variables: readonly Injected[];
  /** Files of mode 0600, each with the field that it gets; they are removed at the end. */
  readonly files: readonly Injected[];
  /** On a change the program gets this signal instead of being started anew. Variables cannot change under it. */
  readonly signalOnChange?: NodeJS.Signals;
  /** A line for the shell that exits with 0 once the program works with its secret, by using it. */
  readonly health: string;
  /** Milliseconds until it must hold. */
  readonly healthyWithin: number;
  /** Milliseconds from SIGTERM to SIGKILL. */
  readonly stopWithin: number;
  /** A change is taken up after at most so many milliseconds, so that not all copies start anew at one moment. */
  readonly spread: number;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

export interface Injected {
  readonly name: string;
  readonly field: string;
}

/** The program does not work with what it was given. */
class Unhealthy extends Error {}

type Fields = Readonly<Record<string, string>>;

const checkEvery = 500;
const checkTime = 10_000;

/**
 * Runs a program that knows nothing of keybaton with a secret: gives it in variables or files, starts it anew (or signals
 * it) at every new version, proves the version once the health check holds, and goes back to the previous one where it
 * does not. Answers the exit code of the program, or 128 and the number of the signal that ended it.
 */
export async function exec(options: ExecOptions): Promise<number> {
  const { signal, say, health, signalOnChange, stopWithin } = options;
  let program: Program | undefined;
  let given: Fields | undefined;
  let wake: () => void = () => undefined;
  let changed = false;
  const keys = connect({
    ...options.connect,
    isRefused: (error) => error instanceof Unhealthy,
    onProblem: (problem) => say(problem instanceof Error ? problem.message : String(problem)),
    onChange: () => {
      changed = true;
      wake();
    },
  });
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

  try {
    await keys.secret();
    changed = false;
    await keys.use(become);
    say('works with its secret');
    while (program?.running() === true && !signal.aborted) {
      await Promise.race([program.ended, stopped, nextChange()]);
      if (program.running() && !signal.aborted) await follow();
    }
  } catch (error) {
    if (!(error instanceof Unhealthy)) throw error;
    say(`${error.message}; see its output above`);
    if (program?.running() === true && !signal.aborted) {
      await program.stop(stopWithin);
      return 1;
    }
  } finally {
    if (program?.running() === true) await program.stop(stopWithin);
    await Promise.all(options.files.map(({ name }) => rm(name, { force: true })));
    await keys.leave().catch((problem: unknown) => say(problem instanceof Error ? problem.message : String(problem)));
  }
  return codeOf(await program?.ended);

  /** Resolves when another version is there that was not taken up. */
  function nextChange(): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve;
      if (changed) resolve();
    });
  }

  async function follow(): Promise<void> {
    await Promise.race([pause(Math.random() * options.spread, signal), stopped]);
    changed = false;
    say('another version is there');
    try {
      await keys.use(become);
      say('works with its secret');
    } catch (error) {
      // It runs on as it is: whoever rotates sees that it did not prove, and nothing is revoked.
      say(error instanceof Error ? error.message : String(error));
    }
  }

  /** Makes the program run with these fields. @throws Unhealthy */
  async function become(fields: Fields): Promise<void> {
    if (given !== fields || program?.running() !== true) await give(fields);
    given = fields;
    const until = Date.now() + options.healthyWithin;
    while (program?.running() === true && !signal.aborted) {
      if (await holds(health, environmentWith(fields), Math.min(checkTime, Math.max(1, until - Date.now())))) return;
      if (Date.now() >= until) throw new Unhealthy(`the health check does not hold after ${options.healthyWithin} ms`);
      await inTime(program.ended, checkEvery);
    }
    throw new Unhealthy(signal.aborted ? 'stopped' : 'the program has ended');
  }

  async function give(fields: Fields): Promise<void> {
    const environment = environmentWith(fields);
    for (const { name, field } of options.files) await write(name, valueOf(fields, field));
    if (signalOnChange !== undefined && program?.running() === true) {
      program.tell(signalOnChange);
      return;
    }
    await program?.stop(stopWithin);
    if (signal.aborted) throw new Unhealthy('stopped');
    program = await startProgram({ command: options.command, environment });
  }

  function environmentWith(fields: Fields): Readonly<Record<string, string | undefined>> {
    const own = options.variables.map(({ name, field }) => [name, valueOf(fields, field)] as const);
    return { ...options.environment, ...Object.fromEntries(own) };
  }
}

function valueOf(fields: Fields, field: string): string {
  const value = fields[field];
  if (value !== undefined) return value;
  throw new Error(`the secret has no field ${field}; it has ${Object.keys(fields).toSorted().join(', ')}`);
}

/** In place at once, whole, and readable by its owner alone from the first moment. */
async function write(path: string, value: string): Promise<void> {
  const draft = `${path}.${randomUUID()}.new`;
  await writeFile(draft, value, { mode: 0o600, flag: 'wx' });
  await rename(draft, path);
}

function codeOf(ended: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined): number {
  if (ended === undefined) return 1;
  return ended.code ?? 128 + (ended.signal === null ? 0 : constants.signals[ended.signal]);
}
