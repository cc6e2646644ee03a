import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { World } from '../crash-matrix/world.ts';
import type { Values } from '../demo/values.ts';
import { poll } from '../servers/poll.ts';
import type { Ending } from '../servers/program.ts';

/** What the worker of a hunt is started with, so that it can crash with a value in hand, and the control values of that. */
export interface Crashes {
  readonly workerArgs: readonly string[];
  /** Where each must be found: names that a crash tells, which stand in the arguments of the process too. */
  readonly controls: readonly { readonly place: RegExp; readonly value: string }[];
  /** Crashes the worker by an error that nobody catches, then by an abort, each in a rotation, with a value that was just made. */
  play(world: World, made: Values): Promise<void>;
}

/** A name as code has them, that nothing else has. */
const name = (): string =>
  `Control${randomBytes(15)
    .toString('hex')
    .replaceAll(/\d/g, (digit) => 'ghijklmnop'[Number(digit)] ?? '')}`;

export function crashes(): Crashes {
  const [thrown, aborting] = [name(), name()];
  // An abort is not tried where the system would write a core file of it.
  const signals = (['SIGHUP', 'SIGWINCH'] as const).filter((signal) => signal === 'SIGHUP' || !coreFilesOn());
  const tap = fileURLToPath(new URL('crash-tap.mjs', import.meta.url));
  const url = new URL(`file://${tap}`);
  url.search = new URLSearchParams({ thrown, aborting }).toString();
  return {
    workerArgs: ['--import', url.href],
    controls: [
      { place: /^logs\/worker\.log$/, value: thrown },
      ...(signals.length > 1 ? [{ place: /^logs\/worker\.log$/, value: aborting }] : []),
      { place: /^reports\//, value: thrown },
    ],
    async play(world, made) {
      const subjects = world.subjects.filter(({ family }) => family === 'postgres-roles');
      for (const [index, signal] of signals.entries()) {
        if (index > 0) await world.restart('worker');
        const before = made.all().length;
        world.signalWorker(signal);
        await world.keybaton.run('rotate', subjects[index]?.id ?? '', '--why', 'a worker that crashes');
        let ending: Ending | undefined;
        void world.workerEnded().then((one) => (ending = one));
        ending = await poll(() => ending, { what: `the crash of a worker after ${signal}`, within: 60_000 });
        const wanted = signal === 'SIGHUP' ? ending.code === 1 : ending.signal === 'SIGABRT';
        if (!wanted) throw new Error(`the worker that was to crash ended with ${ending.code ?? ending.signal}`);
        await poll(() => made.all().length > before, { what: 'the value with which the worker crashed' });
      }
    },
  };
}

/** Files into which Node or the system writes the memory of a process: none may lie anywhere. */
export const isDump = (file: string): boolean => /(\.heapsnapshot|\.heapprofile|(^|\/)core(\.\d+)?)$/.test(file);

/** Whether the system writes the memory of a process that aborts: `ulimit -c`, which is the host's to say. */
function coreFilesOn(): boolean {
  if (!existsSync('/proc/self/limits')) return true;
  return !/^Max core file size\s+0\s/m.test(readFileSync('/proc/self/limits', 'utf8'));
}
