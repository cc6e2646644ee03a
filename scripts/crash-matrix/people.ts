import { PassThrough } from 'node:stream';
import { appendFileSync } from 'node:fs';
import { runCli } from '../../control/cli/main.ts';
import { openPorts } from '../../worker/composition.ts';
import { openIncidentPorts } from '../../worker/open-incident-ports.ts';

export interface People {
  /** Runs one command of keybaton and answers what it printed as JSON. @throws what it said when it fails */
  run(...args: readonly string[]): Promise<unknown>;
}

/** What `bin/keybaton.js` runs, without a process of its own for each command: hundreds are given. */
export function people(environment: Readonly<Record<string, string>>, capture: string): People {
  const refuses = async (): Promise<never> => {
    throw new Error('processes are started as processes');
  };
  return {
    async run(...args) {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const code = await runCli([...args, '--json'], {
        openPorts: () => openPorts(environment),
        openIncidentPorts: () => openIncidentPorts(environment),
        processes: { worker: refuses, api: refuses, up: refuses },
        stdin: process.stdin,
        stdout,
        stderr,
        user: 'crash',
        // Ctrl-C is for whoever gives the commands.
        signal: new AbortController().signal,
      });
      const [printed, said] = [stdout, stderr].map((stream) => String(stream.read() ?? ''));
      appendFileSync(capture, `$ keybaton ${args.join(' ')}\n${printed}${said}\n`);
      // Found something worth a look, or not through yet: both are answers.
      if (code !== 0 && code !== 8 && code !== 10)
        throw new Error(`keybaton ${args.join(' ')} ended with ${code}: ${said}`);
      return JSON.parse(printed ?? '') as unknown;
    },
  };
}
