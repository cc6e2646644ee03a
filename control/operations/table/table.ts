import type { Operation } from '../operation.ts';
import { adviseOperation } from './advise.ts';
import {
  approvalGiveOperation,
  approvalListOperation,
  approvalWithdrawOperation,
  reviewCloseOperation,
  reviewListOperation,
} from './agree.ts';
import { applyOperation, inventoryOperation } from './apply.ts';
import { acknowledgeOperation, waiveOperation } from './consent.ts';
import { emergencyDryRunOperation, emergencyLeakedOperation, emergencyOperation, whoseOperation } from './emergency.ts';
import { drillOperation } from './drill.ts';
import { drillListOperation } from './drill-list.ts';
import { historyOperation } from './history.ts';
import { importOperation } from './import.ts';
import {
  incidentCloseOperation,
  incidentListOperation,
  incidentReportOperation,
  incidentShowOperation,
  incidentTakeOverOperation,
} from './incident.ts';
import { auditVerifyOperation, doctorOperation, reconcileOperation, sweepOperation } from './installation.ts';
import {
  bundleOperation,
  byHandOperation,
  switchListOperation,
  switchLookOperation,
  switchPullOperation,
} from './kill-switch.ts';
import { listOperation } from './list.ts';
import { metricsOperation } from './metrics.ts';
import { planOperation, rehearseOperation } from './rehearse.ts';
import { releaseOperation, rollbackOperation } from './release.ts';
import { rotateOperation } from './rotate.ts';
import { showOperation } from './show.ts';
import { statusAllOperation, statusOperation } from './status.ts';
import { freezeOperation, pauseOperation, thawOperation, unpauseOperation } from './stops.ts';
import { supplyFieldsOperation, supplyOperation } from './supply.ts';
import { tokenListOperation, tokenMakeOperation, tokenRevokeOperation } from './tokens.ts';
import { unmanagedOperation } from './unmanaged.ts';

/** Everything that people may do through keybaton, each under one name. A new one needs a route, and a row in the table of roles. */
export const operations: readonly Operation[] = [
  inventoryOperation,
  applyOperation,
  listOperation,
  showOperation,
  byHandOperation,
  planOperation,
  rehearseOperation,
  rotateOperation,
  statusAllOperation,
  statusOperation,
  historyOperation,
  emergencyDryRunOperation,
  emergencyOperation,
  whoseOperation,
  emergencyLeakedOperation,
  incidentListOperation,
  incidentShowOperation,
  incidentTakeOverOperation,
  incidentCloseOperation,
  incidentReportOperation,
  switchListOperation,
  switchLookOperation,
  switchPullOperation,
  bundleOperation,
  drillOperation,
  drillListOperation,
  unmanagedOperation,
  acknowledgeOperation,
  waiveOperation,
  releaseOperation,
  rollbackOperation,
  pauseOperation,
  unpauseOperation,
  freezeOperation,
  thawOperation,
  supplyFieldsOperation,
  supplyOperation,
  importOperation,
  reconcileOperation,
  sweepOperation,
  doctorOperation,
  adviseOperation,
  auditVerifyOperation,
  tokenMakeOperation,
  tokenListOperation,
  tokenRevokeOperation,
  metricsOperation,
  approvalListOperation,
  approvalGiveOperation,
  approvalWithdrawOperation,
  reviewListOperation,
  reviewCloseOperation,
];
