import { KeybatonError } from '../domain/errors.ts';
import { describeMissing, modeMiss, silenceMissing } from '../domain/gate.ts';
import { observesOnly } from './credential-rules.ts';
import { readEvidence, readWatch, stillMissing } from './evidence-facts.ts';
import { openRequests, requestFacts } from './facts.ts';
import type { CredentialRow, VersionRow } from './schema.ts';
import { storedEntry } from './stored-entry.ts';
import type { Transaction } from './transaction.ts';

export interface AskedOfGate {
  /** For people: what is refused. */
  readonly what: string;
  /** Whose evidence the asking effect has read. */
  readonly epoch: number;
  /** The provider has a last-use signal. */
  readonly signal: boolean;
}

/**
 * What still stands against suspending or revoking this version, read in one transaction under the lock on the
 * credential's row (line 5 of GATE is that nothing does). Nothing does for one that is compromised or was never
 * decided. Throws CONFLICT.
 */
export async function refuseUngated(
  transaction: Transaction,
  version: VersionRow,
  credential: CredentialRow,
  { what, epoch, signal }: AskedOfGate,
): Promise<void> {
  if (version.compromised === 1 || version.ever_current === 0) return;
  await transaction.lockEverything('share');
  await observesOnly(transaction, credential);
  if (credential.epoch !== epoch) throw refusal(what, [`epoch ${credential.epoch} is the newest, not ${epoch}`]);
  const requests = await openRequests(transaction.db, [credential.id]);
  const misses = requests
    .filter((one) => one.kind === 'pause' || one.kind === 'freeze' || one.kind === 'rollBack')
    .map((one) => `${one.who} asked for a ${one.kind}: ${one.why}`);
  const retiring = credential.status !== 'managed';
  if (version.fate === 'current' && !retiring) misses.push('it is current');
  if (retiring) misses.push(...(await retirementMisses(transaction, credential)));
  else misses.push(...(await stillMissing(transaction.db, credential, transaction.now)).map(describeMissing));
  const entry = storedEntry(credential.entry);
  if (!retiring) {
    const mode = modeMiss(entry.mode, requests.map(requestFacts), epoch);
    if (mode !== undefined) misses.push(mode);
  }
  const unproved = requests.some((one) => one.release === 'unproved' && one.epoch === epoch);
  const silence = unproved
    ? undefined
    : silenceMissing(entry.silence, await readWatch(transaction.db, version.id), signal);
  if (silence !== undefined) misses.push(silence);
  if (misses.length > 0) throw refusal(what, misses);
}

/** An entry that goes needs no survivor and no proof: whoever used it has left or is waived, and a person lets go. */
async function retirementMisses(transaction: Transaction, credential: CredentialRow): Promise<string[]> {
  const evidence = await readEvidence(transaction.db, credential);
  const waived = (consumer: string, instance: string): boolean =>
    evidence.waivers.some(
      (one) => one.consumer === consumer && (one.instance === undefined || one.instance === instance),
    );
  const present = evidence.instances.filter((one) => !one.left && !waived(one.consumer, one.instance));
  const misses = present.map((one) => `${one.consumer}/${one.instance} has not left`);
  const released = (await openRequests(transaction.db, [credential.id])).some(
    (one) => one.release === 'retire' && one.credential === credential.id,
  );
  return released ? misses : [...misses, 'nobody released the retired entry: run `keybaton release --retire`'];
}

function refusal(what: string, misses: readonly string[]): KeybatonError {
  const shown = misses.slice(0, 10).join('; ');
  const rest = misses.length > 10 ? `; and ${misses.length - 10} more` : '';
  return new KeybatonError('CONFLICT', `${what}: ${shown}${rest}`);
}
