import type { CredentialId } from '../../domain/identifiers.ts';
import { everyCredential } from './list.ts';
import type { RotationPorts } from './ports.ts';
import { wakeRotation } from './tell-rotation.ts';

/** Wakes one rotation, or every one that runs. Answers why some were not reached; they find out at their next question. */
export async function wakeRunning(
  ports: RotationPorts,
  credential: CredentialId | undefined,
): Promise<readonly string[]> {
  const running: CredentialId[] = [];
  if (credential !== undefined) running.push(credential);
  else for await (const facts of everyCredential(ports)) if (facts.openRun !== undefined) running.push(facts.id);
  const unreached: string[] = [];
  for (const one of running) {
    const { trouble } = await wakeRotation(ports, one);
    if (trouble !== undefined) unreached.push(`${one} was not woken: ${trouble}`);
  }
  return unreached;
}
