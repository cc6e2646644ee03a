import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('guard.mjs', import.meta.url));

let guard: ChildProcess | undefined;

function tell(line: string): void {
  if (guard === undefined) {
    // In a process group of its own: a Ctrl-C or a kill of our whole group must not end it before it has done its work.
    // The name of the run lets `run.mjs` wait for it: a command that has ended leaves no process behind.
    guard = spawn(process.execPath, [script, process.env['KEYBATON_RUN'] ?? 'no-run'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    guard.unref();
    // The pipe must not keep us running either; it closes with us, however we end.
    if (guard.stdin instanceof Socket) guard.stdin.unref();
    // Someone ended the guard: what we started is then ended by us alone.
    guard.stdin?.on('error', () => undefined);
  }
  guard.stdin?.write(`${line}\n`);
}

/** Promises that the process ends with ours, even when ours is killed with SIGKILL. */
export function endWithUs(pid: number): void {
  tell(`+p ${pid}`);
}

/** The process has ended: its id may soon belong to a stranger. */
export function forgetProcess(pid: number): void {
  tell(`-p ${pid}`);
}

/** Promises that the folder is gone when our process is, however it ends. */
export function removeWithUs(folder: string): void {
  tell(`+d ${folder}`);
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  tell(`-d ${folder}`);
}
