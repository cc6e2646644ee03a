import { fileURLToPath } from 'node:url';
import { findNode24 } from '../setup/places.mjs';
import { startProgram } from './program.ts';
import type { Program, ProgramCommand } from './program.ts';

export interface ScriptCommand extends Omit<ProgramCommand, 'title' | 'command' | 'args'> {
  /** A .ts or .js file; a URL made with `import.meta.url` keeps it beside the caller. */
  readonly file: string | URL;
  readonly args?: readonly string[];
  /** Arguments of Node itself. */
  readonly nodeArgs?: readonly string[];
}

/** Runs a script on Node 24, TypeScript as it is, in a process of its own that ends with us at the latest. */
export async function startScript({ file, args = [], nodeArgs = [], ...rest }: ScriptCommand): Promise<Program> {
  const path = typeof file === 'string' ? file : fileURLToPath(file);
  return startProgram({
    ...rest,
    title: path,
    command: findNode24() ?? process.execPath,
    args: [...nodeArgs, path, ...args],
  });
}
