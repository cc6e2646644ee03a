import type { ProofKeys } from '../control/ports.ts';
import { openProofKey } from '../evidence/possession.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { InstallationKey } from './installation-key.ts';

/** Proof keys as the ledger keeps them, opened with the key of this installation. NOT_FOUND, VERIFICATION_FAILED. */
export function openProofKeys(ledger: Pick<Ledger, 'proofKey'>, key: InstallationKey): ProofKeys {
  return {
    read: async (version) => openProofKey(key.derive('proofs'), version, await ledger.proofKey(version)),
  };
}
