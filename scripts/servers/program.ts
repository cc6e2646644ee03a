import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { Duplex } from 'node:stream';
import type { Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { endWithUs, forgetProcess } from './guard.ts';
import { poll } from './poll.ts';

export interface ProgramCommand {
  /** What it is, for messages: `the Temporal dev server`. */
  readonly title: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Added to our own environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** User and group to run as; only root can change them. */
  readonly uid?: number;
  readonly gid?: number;
  /** Everything the program prints goes to this file as well. */
  readonly logFile?: string;
  /** The signal that asks for an orderly end, SIGTERM by default. */
  readonly stopSignal?: NodeJS.Signals;
  /** How many pipes it inherits beside stdin, stdout and stderr; the first one is its file descriptor 3. */
  readonly pipes?: number;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program {
  readonly pid: number;
  readonly stdin: Writable;
  /** Our ends of the inherited pipes, in the order of the file descriptors. */
  readonly pipes: readonly Duplex[];
  /** What it printed so far, stdout and stderr in the order of arrival; of more than a megabyte the last. */
  readonly output: () => string;
  /** Waits for a match in what it prints; throws what it printed when it ends without. */
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly isRunning: () => boolean;
  /** Waits until `answers` says true; throws what the program printed when it ends before. */
  readonly ready: (answers: () => Promise<boolean>) => Promise<void>;
  /** Resolves when it has ended and its output has been read. */
  readonly ended: Promise<Ending>;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Asks it to end, insists with SIGKILL after 10 s, and resolves when it has ended. Again: no change. */
  readonly stop: () => Promise<Ending>;
  /** SIGKILL, and resolves when it has ended. Again: no change. */
  readonly kill: () => Promise<Ending>;
}

const patience = 10_000;
const rememberedCharacters = 1_000_000;

/** Starts a program that ends with us at the latest, even when we are killed. */
export async function startProgram(program: ProgramCommand): Promise<Program> {
  const child = spawn(program.command, program.args, {
    stdio: ['pipe', 'pipe', 'pipe', ...Array.from({ length: program.pipes ?? 0 }, () => 'pipe' as const)],
    env: { ...process.env, ...program.env },
    ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
    ...(program.uid === undefined ? {} : { uid: program.uid }),
    ...(program.gid === undefined ? {} : { gid: program.gid }),
  });
  const [stdin, stdout, stderr, ...pipes] = child.stdio;
  if (!stdin || !stdout || !stderr) throw new Error(`${program.title} got no pipes`);
  // A program that ended closes its stdin; that is no failure of ours.
  stdin.on('error', () => undefined);

  const log = program.logFile === undefined ? undefined : createWriteStream(program.logFile, { flags: 'a' });
  let output = '';
  for (const stream of [stdout, stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-rememberedCharacters);
      log?.write(text);
    });
  }

  await new Promise<void>((done, failed) => child.once('spawn', done).once('error', failed));
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${program.title} got no process id`);
  endWithUs(pid);

  const closed = new Promise<void>((done) => child.once('close', () => done()));
  const ended = new Promise<Ending>((done) => {
    child.once('exit', (code, signal) => {
      forgetProcess(pid);
      // A grandchild may hold the pipes open for ever.
      void Promise.race([closed, wait(1_000)]).then(() => {
        log?.end();
        done({ code, signal });
      });
    });
  });
  const isRunning = () => child.exitCode === null && child.signalCode === null;

  function endedBefore(what: string, { code, signal }: Ending): Error {
    return new Error(`${program.title} ended (${code ?? signal}) before ${what}:\n${output}`);
  }

  async function printed(pattern: RegExp): Promise<RegExpExecArray> {
    const what = `printing ${String(pattern)}`;
    const look = async (): Promise<RegExpExecArray | undefined> => {
      const ending = isRunning() ? undefined : await ended;
      const match = pattern.exec(output);
      if (match === null && ending !== undefined) throw endedBefore(what, ending);
      return match ?? undefined;
    };
    return poll(look, { what: `${program.title}: ${what}`, within: 60_000 });
  }

  async function ready(answers: () => Promise<boolean>): Promise<void> {
    const what = 'its first answer';
    const unlessEnded = ended.then((ending) => {
      throw endedBefore(what, ending);
    });
    // Whoever is ready may end later without that being a failure to start.
    unlessEnded.catch(() => undefined);
    // An answer may never come when another program holds the port: the end of ours settles it.
    const look = (): Promise<boolean> => Promise.race([answers(), unlessEnded]);
    await poll(look, { what: `${program.title}: ${what}`, within: 60_000 });
  }

  async function end(signal: NodeJS.Signals): Promise<Ending> {
    if (isRunning()) child.kill(signal);
    const insist = setTimeout(() => child.kill('SIGKILL'), patience);
    const ending = await ended;
    clearTimeout(insist);
    return ending;
  }

  return {
    pid,
    stdin,
    pipes: [...pipes].filter((pipe) => pipe instanceof Duplex),
    output: () => output,
    printed,
    isRunning,
    ready,
    ended,
    signal: (signal) => void child.kill(signal),
    stop: () => end(program.stopSignal ?? 'SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}
