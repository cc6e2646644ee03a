import { execFileSync } from 'node:child_process';
import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

const minute = 60_000;

export interface Patience {
  /** Milliseconds that a file of tests may take. Far more than the longest: what is over it stands still. */
  readonly file?: number;
  /** Milliseconds from the end of the last file to the end of the run. */
  readonly end?: number;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Seconds since it began. */
  readonly age: number;
  readonly words: string;
}

/**
 * Sees to it that a run ends and says why it would not have. A time-out of a test is nothing to a file that waits in a
 * synchronous call, and vitest, once it has told its results, waits for ever for a pipe
 * that a process which outlived its file holds open.
 *
 * A file over its time: what runs below it is listed and ended, so that the call returns and its test fails; a minute later
 * its own process is ended. A run that goes on after its last file: what runs is listed, `closing` says what the run came
 * to, with one failure more, and the process ends.
 */
export function stuckFilesReporter(
  closing: Reporter,
  { file = 16 * minute, end = 2 * minute }: Patience = {},
): Reporter {
  const begun = new Map<string, NodeJS.Timeout>();
  const ended: TestModule[] = [];
  let files = 0;
  let watches = false;

  const say = (lines: readonly string[]): void => void process.stdout.write(['', ...lines, ''].join('\n'));

  function overTime(module: TestModule): void {
    const all = processes();
    // Each file has a process of its own, so that one of this age is of a file that is over its time too.
    const workers = all.filter(({ parent, age }) => parent === process.pid && age * 1_000 >= file);
    const below = workers.flatMap(({ pid }) => descendants(pid, all));
    say([
      `stuck: ${module.relativeModuleId} has not ended after ${file / minute} minutes; below it ran:`,
      ...told(below),
    ]);
    kill(below);
    begun.set(module.moduleId, setTimeout(() => kill(workers), minute).unref());
  }

  function endRun(): void {
    const all = processes();
    const left = [...descendants(process.pid, all), ...orphans(all)];
    say([`stuck: all files have ended for ${end / minute} minutes, and the run has not; there was:`, ...told(left)]);
    // The shape that vitest gives to an error outside of every file.
    const error = { message: 'the run did not end by itself' } as SerializedError;
    void closing.onTestRunEnd?.(ended, [error], 'failed');
    process.exit(1);
  }

  return {
    onInit(vitest) {
      watches = vitest.config.watch;
    },
    onTestRunStart(specifications) {
      files = specifications.length;
    },
    onTestModuleQueued(module) {
      if (!watches) begun.set(module.moduleId, setTimeout(() => overTime(module), file).unref());
    },
    onTestModuleEnd(module) {
      clearTimeout(begun.get(module.moduleId));
      ended.push(module);
      // It keeps nothing running: a run that ends takes it along.
      if (!watches && ended.length === files) setTimeout(endRun, end).unref();
    },
  };
}

/** Everything that runs on this machine. */
function processes(): readonly Process[] {
  const listed = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,etimes=,args='], { encoding: 'utf8', maxBuffer: 1e8 });
  return listed
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\d+)\s(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, pid, parent, age, words = '']) => ({ pid: Number(pid), parent: Number(parent), age: Number(age), words }));
}

function descendants(of: number, all: readonly Process[]): readonly Process[] {
  const children = all.filter(({ parent }) => parent === of);
  return children.flatMap((child) => [child, ...descendants(child.pid, all)]);
}

/** Those whose parent has ended: what they were started by is known no more. */
const orphans = (all: readonly Process[]): readonly Process[] =>
  all.filter(({ parent, pid }) => parent === 1 && pid !== 1);

const told = (some: readonly Process[]): readonly string[] =>
  some.map(({ pid, parent, age, words }) => `  ${pid} (of ${parent}, ${age} s) ${words.slice(0, 300)}`);

function kill(some: readonly Process[]): void {
  for (const { pid } of some)
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
}
