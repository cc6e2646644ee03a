import type { CredentialId } from '../../domain/identifiers.ts';
import { newestEpoch } from './newest-epoch.ts';
import type { RotationPorts } from './ports.ts';
import { wakeRotation } from './tell-rotation.ts';
import type { Told } from './tell-rotation.ts';

export interface WaiveInput {
  readonly credential: CredentialId;
  readonly consumer: string;
  /** Undefined: the consumer as a whole. */
  readonly instance?: string;
  /** Undefined: the newest. CONFLICT when it is no longer that. */
  readonly epoch?: number;
  readonly actor: string;
  readonly why: string;
}

/** Removes one demand from the newest epoch, by name: the only way in which demand shrinks. It may be cut off by the revoke. */
export async function waive(
  ports: RotationPorts,
  input: WaiveInput,
): Promise<{ readonly epoch: number; readonly told: Told }> {
  const { credential, consumer, instance, actor, why } = input;
  const epoch = input.epoch ?? newestEpoch(await ports.ledger.facts(credential));
  await ports.ledger.waive({
    credential,
    epoch,
    consumer,
    who: actor,
    why,
    ...(instance === undefined ? {} : { instance }),
  });
  return { epoch, told: await wakeRotation(ports, credential) };
}
