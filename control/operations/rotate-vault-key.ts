import type { ControlPorts } from '../ports.ts';
import type { ChangedVaultKey, VaultKeys } from '../vault-ports.ts';

/** Changes the key of an embedded vault and records who did it. Again after an interruption: it goes on. */
export async function rotateVaultKey(
  { ledger }: Pick<ControlPorts, 'ledger'>,
  vaultKeys: VaultKeys,
  input: { readonly backend: string | undefined; readonly actor: string; readonly signal: AbortSignal },
): Promise<ChangedVaultKey> {
  const changed = await vaultKeys.change(input.backend, input.signal);
  await ledger.note({ kind: 'vault-key.rotated', actor: input.actor, body: { ...changed } });
  return changed;
}
