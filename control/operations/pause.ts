import type { RequestFacts } from '../../domain/facts.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { RotationPorts } from './ports.ts';
import { wakeRotation } from './tell-rotation.ts';
import type { Told } from './tell-rotation.ts';

export interface PauseInput {
  readonly credential: CredentialId;
  readonly actor: string;
  readonly why: string;
}

/** Stops one rotation before its next effect. A second pause is the first. CONFLICT when the old version is authorised to die. */
export async function pause(
  ports: RotationPorts,
  input: PauseInput,
): Promise<{ readonly request: RequestFacts; readonly told: Told }> {
  const { credential, actor, why } = input;
  const request = await ports.ledger.request({ kind: 'pause', credential, who: actor, why });
  return { request, told: await wakeRotation(ports, credential) };
}
