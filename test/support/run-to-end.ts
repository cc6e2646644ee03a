import { spawn } from 'node:child_process';
import { endWithUs, forgetProcess } from '../../scripts/servers/guard.ts';

export interface Ran {
  /** The exit code; null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunToEnd {
  readonly cwd?: string;
  /** The whole environment; our own by default. */
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds after which it is ended, with all that it started. */
  readonly within?: number;
}

/**
 * Runs a command to its end while we go on reading what others print: a server whose pipe is full stands still, and with it
 * a command that waits for the server. `spawnSync` would read nothing, and no time-out of a test can end it.
 * @returns what it came to; after `within`, status null and a last line on stderr that says so
 */
export async function runToEnd(
  command: string,
  args: readonly string[],
  { cwd, env = process.env, within = 110_000 }: RunToEnd = {},
): Promise<Ran> {
  // A group of its own, so that its children can be ended with it.
  const child = spawn(command, args, { env, detached: true, stdio: 'pipe', ...(cwd === undefined ? {} : { cwd }) });
  await new Promise<void>((done, failed) => child.once('spawn', done).once('error', failed));
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} got no process id`);
  endWithUs(pid);
  child.stdin.end();
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  const deadline = setTimeout(() => {
    said.stderr += `\n${[command, ...args].join(' ')} did not end within ${within} ms`;
    endGroup(pid);
    // Whoever left the group may hold them for ever.
    for (const pipe of [child.stdout, child.stderr]) pipe.destroy();
  }, within);
  const status = await new Promise<number | null>((done) => child.once('close', done));
  clearTimeout(deadline);
  forgetProcess(pid);
  return { status, ...said };
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
