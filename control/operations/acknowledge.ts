import type { CredentialId } from '../../domain/identifiers.ts';
import { newestEpoch } from './newest-epoch.ts';
import type { RotationPorts } from './ports.ts';
import { wakeRotation } from './tell-rotation.ts';
import type { Told } from './tell-rotation.ts';

export interface AcknowledgeInput {
  readonly credential: CredentialId;
  readonly consumer: string;
  /** Undefined: the consumer as a whole. */
  readonly instance?: string;
  readonly actor: string;
  readonly why: string;
}

/**
 * A person's word that a consumer uses the newest version: the weakest evidence, and enough only where the entry
 * demands no more. Again for the same epoch is no change. `missing` is what GATE 3 still lacks.
 */
export async function acknowledge(
  ports: RotationPorts,
  input: AcknowledgeInput,
): Promise<{ readonly epoch: number; readonly missing: number; readonly told: Told | null }> {
  const { credential, consumer, instance, actor, why } = input;
  const epoch = newestEpoch(await ports.ledger.facts(credential));
  const { missing } = await ports.ledger.prove({
    credential,
    epoch,
    consumer,
    kind: 'acknowledged',
    actor,
    why,
    ...(instance === undefined ? {} : { instance }),
  });
  return { epoch, missing, told: missing === 0 ? await wakeRotation(ports, credential) : null };
}
