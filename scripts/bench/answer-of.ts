import { execFile } from 'node:child_process';
import { findNode24 } from '../setup/places.mjs';
import { keybatonFile } from '../demo/command-line.ts';
import type { Stage } from './stage.ts';

/** Characters; a thousand keys are told with some three hundred thousand. */
const longest = 100_000_000;
/** Found something worth a look, or not through yet: both are answers. */
const answers: readonly unknown[] = [0, 8, 10];

/**
 * Runs one command of keybaton and answers what it printed as JSON, however long: all of its standard output is waited for,
 * and nothing that it says beside it comes in between. @throws what it said when it fails
 */
export function answerOf(stage: Stage, ...args: readonly string[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      findNode24() ?? process.execPath,
      [keybatonFile, ...args, '--json'],
      { cwd: stage.folder, env: { ...process.env, ...stage.environment }, maxBuffer: longest },
      (_failed, printed, said) => {
        try {
          if (!answers.includes(child.exitCode)) throw new Error(`it ended with ${String(child.exitCode)}:\n${said}`);
          const answer: unknown = JSON.parse(printed);
          resolve(answer);
        } catch (thrown) {
          const why = thrown instanceof Error ? thrown.message : String(thrown);
          reject(new Error(`keybaton ${args.join(' ')} gave no answer (${printed.length} characters): ${why}`));
        }
      },
    );
  });
}
