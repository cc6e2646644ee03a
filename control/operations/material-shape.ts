import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { Adapters, TargetTraits } from '../../inventory/adapters.ts';
import { asTargets } from '../../inventory/targets.ts';
import type { LedgerPorts } from './ports.ts';

/** Which fields a value of this credential has, so that it can be asked for. INVALID_CONFIG when its adapter is not known here. */
export async function materialShape(
  { ledger, adapters }: LedgerPorts & { readonly adapters: Adapters },
  credential: CredentialId,
): Promise<TargetTraits['material']> {
  const { entry } = await ledger.facts(credential);
  const target = asTargets(await ledger.appliedTargets()).targets[entry.target];
  const traits = target === undefined ? undefined : adapters.traits?.(target.provider, target.settings);
  if (traits !== undefined) return traits.material;
  throw new KeybatonError(
    'INVALID_CONFIG',
    `the provider of target ${entry.target} is not known here: set KEYBATON_CONFIG to the file that brings its adapter`,
  );
}
