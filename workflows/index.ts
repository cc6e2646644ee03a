/** The bundle's entry: every export here is a workflow type, so nothing else may be exported. */
export { containPart } from './contain-part.ts';
export { drillCredential } from './drill-credential.ts';
export { emergencyRevocation } from './emergency-revocation.ts';
export { rotateCredential } from './rotate-credential.ts';
export { rotateDependents } from './rotate-dependents.ts';
export { settleDebt } from './settle-debt.ts';
export { sweepInventory } from './sweep-inventory.ts';
export { watchTarget } from './watch-target.ts';
