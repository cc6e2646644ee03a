import { deliverNotices, type Delivered } from '../activities/deliver-notices.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openChannels } from './channels.ts';
import { containmentPorts, type ContainmentInput } from './containment-ports.ts';

/** Milliseconds of one call: it ends within the effect that calls it, and what is left is told by the next. */
const patience = 12_000;

/** What a sweep calls each minute: alarms and ended rotations to the channels of targets.yml. */
export function noticeHook(
  input: Omit<ContainmentInput, 'ledger'> & { readonly ledger: Ledger },
): () => Promise<Delivered> {
  const { ledger } = input;
  const { places, secret } = containmentPorts({ ...input, ledger: async () => ledger });
  const channels = async () => openChannels(await places.channels(), secret);
  return () => deliverNotices({ ledger, channels, now: () => Date.now() }, AbortSignal.timeout(patience));
}
