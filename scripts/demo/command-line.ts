import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startScript } from '../servers/child-process.ts';
import type { Program } from '../servers/program.ts';

export const keybatonFile = fileURLToPath(new URL('../../bin/keybaton.js', import.meta.url));

export interface CommandLine {
  /** Runs one command of keybaton and answers what it printed as JSON. @throws what it said when it fails */
  run(...args: readonly string[]): Promise<unknown>;
  /** Starts a command that goes on until it is told to stop. */
  start(args: readonly string[], logFile: string, more?: Partial<Parameters<typeof startScript>[0]>): Promise<Program>;
}

/** `keybaton`, as a person types it. Everything it prints is kept in a file, but for the tokens it prints. */
export function commandLine(environment: Readonly<Record<string, string>>, cwd: string, capture: string): CommandLine {
  const common = { file: keybatonFile, env: environment, cwd };
  return {
    async run(...args) {
      const program = await startScript({ ...common, args: [...args, '--json'] });
      const { code } = await program.ended;
      const printed = program.output();
      if (args[0] !== 'token' && args[0] !== 'access')
        appendFileSync(capture, `$ keybaton ${args.join(' ')}\n${printed}\n`);
      // Found something worth a look, or not through yet: both are answers.
      if (code !== 0 && code !== 8 && code !== 10)
        throw new Error(`keybaton ${args.join(' ')} ended with ${String(code)}:\n${printed}`);
      const answer: unknown = JSON.parse(printed.slice(printed.indexOf('{'), printed.lastIndexOf('}') + 1));
      return answer;
    },
    start: (args, logFile, more = {}) => startScript({ ...common, args, logFile, ...more }),
  };
}
