import type { CredentialFacts } from '../domain/facts.ts';
import type { Outcome } from '../domain/rotation.ts';

/** What this run came to, read from the ledger: a run that crashed and came back tells the same. */
export function outcomeOf(facts: CredentialFacts, rehearse: boolean): Outcome {
  const since = facts.openRun?.startedAt ?? facts.now;
  const decided = facts.epochs.filter((epoch) => epoch.decidedAt >= since);
  if (facts.versions.some((version) => version.debtMoved && version.fate !== 'dead' && version.fate !== 'released'))
    return 'indebted';
  const newest = facts.epochs[0];
  // What another run decided, and was lost before it could end: the one that saw the old version die has ended it.
  const goneOnWith = facts.versions.some(
    ({ everCurrent, dead }) => everCurrent && dead !== undefined && dead.at >= since,
  );
  if (newest === undefined || (decided.length === 0 && !goneOnWith))
    return facts.entry.mode === 'observe' && !rehearse ? 'observed' : 'nothing';
  const olderVersion = facts.epochs.slice(1).some((epoch) => epoch.version === newest.version);
  return olderVersion ? 'rolled-back' : 'rotated';
}
