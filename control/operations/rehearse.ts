import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { Pace } from '../../domain/rotation.ts';
import { newestEvent } from './newest-event.ts';
import type { RotationPorts } from './ports.ts';
import { startRotation } from './tell-rotation.ts';

export interface RehearseInput {
  readonly credential: CredentialId;
  readonly actor: string;
  readonly pace?: Pace;
}

/**
 * A rotation that issues, stages and verifies a version, then discards it before anything is promoted. CONFLICT while a
 * rotation runs: it would be that run.
 */
export async function rehearse(
  ports: RotationPorts,
  input: RehearseInput,
): Promise<{ readonly credential: CredentialId; readonly startedAt: number; readonly afterN: number }> {
  const { credential, actor } = input;
  const facts = await ports.ledger.facts(credential);
  const text = `${credential} is rotating: rehearse when it has ended (keybaton status ${credential})`;
  if (facts.status !== 'managed')
    throw new KeybatonError('CONFLICT', `${credential} is ${facts.status}: only a managed credential can be rehearsed`);
  if (facts.openRun !== undefined && (await ports.rotations.status(credential)) !== undefined)
    throw new KeybatonError('CONFLICT', text);
  const afterN = await newestEvent(ports, credential);
  const told = await startRotation(ports, {
    credential,
    actor,
    reason: 'rehearsal',
    rehearse: true,
    ...(input.pace === undefined ? {} : { pace: input.pace }),
  });
  if (told.rotation === 'running') throw new KeybatonError('CONFLICT', text);
  return { credential, startedAt: facts.now, afterN };
}
