import type { CredentialId } from '../../domain/identifiers.ts';
import type { PauseInput } from './pause.ts';
import type { RotationPorts } from './ports.ts';
import { wakeRotation } from './tell-rotation.ts';
import type { Told } from './tell-rotation.ts';
import { withdrawAll } from './withdraw-all.ts';

export interface UnpauseInput extends PauseInput {
  /** The requests that whoever asks knows of; see `withdrawAll`. Undefined: whichever stand. */
  readonly expected?: readonly string[];
}

/** Ends a pause. Not paused is no error. */
export async function unpause(
  ports: RotationPorts,
  input: UnpauseInput,
): Promise<{ readonly credential: CredentialId; readonly withdrawn: readonly string[]; readonly told: Told }> {
  const facts = await ports.ledger.facts(input.credential);
  const pauses = facts.requests.filter(({ kind }) => kind === 'pause');
  const withdrawn = await withdrawAll(ports, pauses, input);
  return { credential: input.credential, withdrawn, told: await wakeRotation(ports, input.credential) };
}
