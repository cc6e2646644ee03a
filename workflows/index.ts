/** The bundle's entry: every export here is a workflow type, so nothing else may be exported. */
export { rotateCredential } from './rotate-credential.ts';
export { settleDebt } from './settle-debt.ts';
export { watchTarget } from './watch-target.ts';
