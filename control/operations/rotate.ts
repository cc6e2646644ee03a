import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { Pace } from '../../domain/rotation.ts';
import { newestEvent } from './newest-event.ts';
import type { RotationPorts } from './ports.ts';
import { startRotation } from './tell-rotation.ts';
import type { Told } from './tell-rotation.ts';

export interface RotateInput {
  readonly credential: CredentialId;
  readonly actor: string;
  readonly why: string;
  /** Tests make it small. */
  readonly pace?: Pace;
}

export interface Rotated extends Told {
  readonly credential: CredentialId;
  /** The ledger's id of the request; asking again while it is open finds the same one. */
  readonly request: string;
  /** The ledger's clock when the request was made. */
  readonly askedAt: number;
  /** What this rotation does has numbers above. */
  readonly afterN: number;
}

/**
 * Asks for a new version. While a rotation runs the request is honoured by that run or right after it. A run that was
 * terminated is resumed. UNAVAILABLE when Temporal does not answer; the request is recorded by then.
 */
export async function rotate(ports: RotationPorts, input: RotateInput): Promise<Rotated> {
  const { credential, actor, why } = input;
  const facts = await ports.ledger.facts(credential);
  if (facts.status !== 'managed') {
    throw new KeybatonError(
      'CONFLICT',
      `${credential} is ${facts.status}: put it back into the inventory and apply it, then rotate`,
    );
  }
  const afterN = await newestEvent(ports, credential);
  const open = facts.requests.find((request) => request.kind === 'rotate' && request.credential === credential);
  const request = open ?? (await ports.ledger.request({ kind: 'rotate', credential, who: actor, why }));
  const told = await startRotation(ports, {
    credential,
    actor,
    reason: 'rotationRequested',
    ...(input.pace === undefined ? {} : { pace: input.pace }),
  });
  return { ...told, credential, request: request.id, askedAt: request.at, afterN };
}
