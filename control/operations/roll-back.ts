import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialFacts, RequestFacts } from '../../domain/facts.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import { newestEvent } from './newest-event.ts';
import type { RotationPorts } from './ports.ts';
import { startRotation } from './tell-rotation.ts';
import type { Told } from './tell-rotation.ts';

export interface RollBackInput {
  readonly credential: CredentialId;
  /** Undefined: the newest earlier version that may still be current again. */
  readonly version?: VersionId;
  readonly actor: string;
  readonly why: string;
}

/**
 * Asks that an earlier version becomes current again, under a new epoch; the abandoned one then goes the usual steps.
 * CONFLICT when none is left, or the one named is compromised, dead or authorised to die.
 */
export async function rollBack(
  ports: RotationPorts,
  input: RollBackInput,
): Promise<{
  readonly request: RequestFacts;
  readonly version: VersionId;
  readonly afterN: number;
  readonly told: Told;
}> {
  const { credential, actor, why } = input;
  const facts = await ports.ledger.facts(credential);
  const version = input.version ?? earlierVersion(facts);
  const afterN = await newestEvent(ports, credential);
  const open = facts.requests.find((request) => request.kind === 'rollBack' && request.version === version);
  const request = open ?? (await ports.ledger.request({ kind: 'rollBack', credential, version, who: actor, why }));
  return {
    request,
    version,
    afterN,
    told: await startRotation(ports, { credential, actor, reason: 'rollBackRequested' }),
  };
}

function earlierVersion({ id, epochs, versions }: CredentialFacts): VersionId {
  const current = epochs[0]?.version;
  for (const { version } of epochs.slice(1)) {
    const found = versions.find((one) => one.id === version);
    if (found === undefined || found.id === current || found.compromised || found.refused || found.dead !== undefined)
      continue;
    if (found.authorisedEpoch === undefined && !found.killBegun && found.fate !== 'released') return found.id;
  }
  throw new KeybatonError(
    'CONFLICT',
    `${id} has no earlier version that could be current again: rotate it to get a new one`,
  );
}
