import type { Command } from './command.ts';
import { applyCommand } from './commands/apply.ts';
import { acknowledgeCommand, waiveCommand } from './commands/consent.ts';
import { listCommand } from './commands/list.ts';
import { auditVerifyCommand, doctorCommand, historyCommand, watchCommand } from './commands/past.ts';
import { planCommand } from './commands/plan.ts';
import { apiCommand, upCommand, workerCommand } from './commands/processes.ts';
import { rehearseCommand } from './commands/rehearse.ts';
import { releaseCommand } from './commands/release.ts';
import { rollbackCommand } from './commands/rollback.ts';
import { rotateCommand } from './commands/rotate.ts';
import { showCommand } from './commands/show.ts';
import { statusCommand } from './commands/status.ts';
import { freezeCommand, pauseCommand, thawCommand, unpauseCommand } from './commands/stops.ts';
import { tokenListCommand, tokenMakeCommand, tokenRevokeCommand } from './commands/tokens.ts';
import { importCommand, supplyCommand } from './commands/values.ts';

/** Every command, in the order of `--help`. The documentation is held to this table by a test. */
export const commands: readonly Command[] = [
  upCommand,
  workerCommand,
  apiCommand,
  applyCommand,
  listCommand,
  showCommand,
  planCommand,
  rehearseCommand,
  rotateCommand,
  statusCommand,
  watchCommand,
  acknowledgeCommand,
  waiveCommand,
  releaseCommand,
  rollbackCommand,
  pauseCommand,
  unpauseCommand,
  freezeCommand,
  thawCommand,
  supplyCommand,
  importCommand,
  historyCommand,
  doctorCommand,
  auditVerifyCommand,
  tokenMakeCommand,
  tokenListCommand,
  tokenRevokeCommand,
];
