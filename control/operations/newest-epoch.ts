import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialFacts } from '../../domain/facts.ts';

/** Evidence, waivers and roll-backs belong to an epoch. CONFLICT when nothing was ever promoted. */
export function newestEpoch(facts: CredentialFacts): number {
  const newest = facts.epochs[0];
  if (newest !== undefined) return newest.epoch;
  throw new KeybatonError('CONFLICT', `${facts.id} has no version yet, so there is nothing to prove: rotate it first`);
}
