import type { Ref } from '../../domain/facts.ts';
import type { Trouble } from '../../domain/incident.ts';
import { urgently } from '../calls.ts';
import type { BoundProvider } from '../ports.ts';
import type { Batch } from './batch.ts';

/**
 * Revokes one ref; already gone, or another generation of ours in its slot, is success. Undefined when it is done. Where
 * no retry will help it is suspended as a brake, if the provider can, and a person is told how to kill it.
 */
export async function killRef(
  batch: Batch,
  provider: BoundProvider,
  ref: Ref,
  hurried: boolean,
): Promise<Trouble | undefined> {
  const revoked = await batch.attempt((call) => provider.revoke(ref, hurried ? urgently(call) : call));
  if (!('trouble' in revoked)) return undefined;
  const { trouble } = revoked;
  if (!trouble.person) return trouble;
  const { suspend } = provider;
  const braked = suspend !== undefined && 'answer' in (await batch.attempt((call) => suspend(ref, call)));
  const told = [
    trouble.why,
    ...(braked
      ? ['it is suspended meanwhile, which is not its end: anyone with the admin credential can resume it']
      : []),
    `by hand: ${byHand(provider, ref)}`,
  ];
  return { ...trouble, why: told.join('\n') };
}

function byHand(provider: BoundProvider, ref: Ref): string {
  try {
    return provider.killByHand(ref);
  } catch {
    return `revoke ${ref.id} of target ${provider.target} in the provider's console`;
  }
}
