import type { RequestFacts } from '../../domain/facts.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { RotationPorts } from './ports.ts';
import { wakeRunning } from './wake-running.ts';

export interface FreezeInput {
  /** Undefined: everything. */
  readonly credential?: CredentialId;
  readonly actor: string;
  readonly why: string;
}

/** Stops all but emergencies: no issue, promote or scheduled revoke, for one credential or for all. */
export async function freeze(
  ports: RotationPorts,
  input: FreezeInput,
): Promise<{ readonly request: RequestFacts; readonly unreached: readonly string[] }> {
  const { credential, actor, why } = input;
  const scope = credential === undefined ? {} : { credential };
  const request = await ports.ledger.request({ kind: 'freeze', who: actor, why, ...scope });
  return { request, unreached: await wakeRunning(ports, credential) };
}
