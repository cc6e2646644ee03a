import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { inTime } from '../pause.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The program that gets the secret, while it runs. */
export interface Program {
  readonly ended: Promise<Ended>;
  readonly running: () => boolean;
  tell(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL for one that goes on. */
  stop(within: number): Promise<Ended>;
}

export interface Start {
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Its input and output are ours. @throws when it cannot be started */
export async function startProgram({ command: [file, ...args], environment }: Start): Promise<Program> {
  const child = spawn(file, args, { stdio: 'inherit', env: { ...environment } });
  let running = true;
  const ended = new Promise<Ended>((resolve) => {
    child.on('exit', (code, signal) => {
      running = false;
      resolve({ code, signal });
    });
  });
  await once(child, 'spawn');
  // A signal that cannot be sent is one to a program that has ended.
  child.on('error', () => undefined);
  return {
    ended,
    running: () => running,
    tell: (signal) => void child.kill(signal),
    async stop(within) {
      child.kill('SIGTERM');
      await inTime(ended, within);
      if (running) child.kill('SIGKILL');
      return ended;
    },
  };
}

/** Runs once; true when it exits with 0 in time. What it prints is not shown: it may name the secret. */
export async function holds(
  line: string,
  environment: Readonly<Record<string, string | undefined>>,
  within: number,
): Promise<boolean> {
  const check = spawn('/bin/sh', ['-c', line], { stdio: 'ignore', env: { ...environment } });
  const ended = new Promise<boolean>((resolve) => {
    check.on('exit', (code) => resolve(code === 0));
    check.on('error', () => resolve(false));
  });
  await inTime(ended, within);
  if (check.exitCode === null && check.signalCode === null) check.kill('SIGKILL');
  return ended;
}
