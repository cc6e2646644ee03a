import type { Command } from './command.ts';
import {
  accessBreakGlassCommand,
  accessNewCommand,
  accessTokenListCommand,
  accessTokenMakeCommand,
  accessTokenRevokeCommand,
} from './commands/access.ts';
import {
  approvalGiveCommand,
  approvalListCommand,
  approvalWithdrawCommand,
  reviewCloseCommand,
  reviewListCommand,
} from './commands/agree.ts';
import { adviseCommand } from './commands/advise.ts';
import { applyCommand } from './commands/apply.ts';
import { completionCommand } from './commands/completion.ts';
import { acknowledgeCommand, waiveCommand } from './commands/consent.ts';
import { consumerCheckCommand } from './commands/consumer-check.ts';
import { discoverCommand } from './commands/discover.ts';
import { drillCommand } from './commands/drill.ts';
import { emergencyCommand } from './commands/emergency.ts';
import { execCommand } from './commands/exec.ts';
import {
  incidentCloseCommand,
  incidentImportCommand,
  incidentListCommand,
  incidentShowCommand,
  incidentTakeOverCommand,
  incidentWatchCommand,
} from './commands/incident.ts';
import { incidentReportCommand } from './commands/incident-report.ts';
import { killSwitchCommand } from './commands/kill-switch.ts';
import { bundleCommand } from './commands/kill-sheet.ts';
import { listCommand } from './commands/list.ts';
import { auditVerifyCommand, doctorCommand, historyCommand, watchCommand } from './commands/past.ts';
import { planCommand } from './commands/plan.ts';
import { apiCommand, upCommand, workerCommand } from './commands/processes.ts';
import { providerNewCommand } from './commands/provider-new.ts';
import { providerTestCommand } from './commands/provider-test.ts';
import { reconcileCommand } from './commands/reconcile.ts';
import { rehearseCommand } from './commands/rehearse.ts';
import { releaseCommand } from './commands/release.ts';
import { rollbackCommand } from './commands/rollback.ts';
import { rotateCommand } from './commands/rotate.ts';
import { showCommand } from './commands/show.ts';
import { loginCommand, logoutCommand, whoamiCommand } from './commands/sign-in.ts';
import { statusCommand } from './commands/status.ts';
import { freezeCommand, pauseCommand, thawCommand, unpauseCommand } from './commands/stops.ts';
import { sweepCommand } from './commands/sweep.ts';
import { tokenListCommand, tokenMakeCommand, tokenRevokeCommand } from './commands/tokens.ts';
import { importCommand, supplyCommand } from './commands/values.ts';
import { vaultRotateKeyCommand } from './commands/vault.ts';

/** Every command, in the order of `--help`. The documentation is held to this table by a test. */
export const commands: readonly Command[] = [
  upCommand,
  workerCommand,
  apiCommand,
  discoverCommand,
  applyCommand,
  listCommand,
  showCommand,
  planCommand,
  rehearseCommand,
  rotateCommand,
  statusCommand,
  watchCommand,
  emergencyCommand,
  incidentListCommand,
  incidentShowCommand,
  incidentWatchCommand,
  incidentTakeOverCommand,
  incidentCloseCommand,
  incidentReportCommand,
  incidentImportCommand,
  killSwitchCommand,
  bundleCommand,
  drillCommand,
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
  reconcileCommand,
  sweepCommand,
  historyCommand,
  doctorCommand,
  adviseCommand,
  auditVerifyCommand,
  providerNewCommand,
  providerTestCommand,
  tokenMakeCommand,
  tokenListCommand,
  tokenRevokeCommand,
  consumerCheckCommand,
  execCommand,
  vaultRotateKeyCommand,
  accessNewCommand,
  accessTokenMakeCommand,
  accessTokenListCommand,
  accessTokenRevokeCommand,
  accessBreakGlassCommand,
  approvalListCommand,
  approvalGiveCommand,
  approvalWithdrawCommand,
  reviewListCommand,
  reviewCloseCommand,
  loginCommand,
  logoutCommand,
  whoamiCommand,
  completionCommand,
];
