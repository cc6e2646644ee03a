import type { Command } from './command.ts';
import { applyCommand } from './commands/apply.ts';
import { listCommand } from './commands/list.ts';
import { apiCommand, upCommand, workerCommand } from './commands/processes.ts';
import { rotateCommand } from './commands/rotate.ts';
import { statusCommand } from './commands/status.ts';

/** Every command, in the order of `--help`. The documentation is held to this table by a test. */
export const commands: readonly Command[] = [
  upCommand,
  workerCommand,
  apiCommand,
  applyCommand,
  listCommand,
  rotateCommand,
  statusCommand,
];
