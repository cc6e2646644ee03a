import type { ReleaseKind, RequestFacts } from '../../domain/facts.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { RotationPorts } from './ports.ts';
import { startRotation, wakeRotation } from './tell-rotation.ts';
import type { Told } from './tell-rotation.ts';

export interface ReleaseInput {
  readonly credential: CredentialId;
  /** `unproved`: without the evidence that is missing now. `ask`: mode ask goes on. `retire`, `alive`: an entry's and a debt's ends. */
  readonly release: ReleaseKind;
  /** `alive`: the version given up. */
  readonly version?: VersionId;
  readonly actor: string;
  readonly why: string;
}

/** Lets a held rotation, a retiring entry or a debt go on. Recorded under a person's name; the ledger refuses what is not held. */
export async function release(
  ports: RotationPorts,
  input: ReleaseInput,
): Promise<{ readonly request: RequestFacts; readonly told: Told }> {
  const { credential, release: kind, version, actor, why } = input;
  const request = await ports.ledger.request({
    kind: 'release',
    credential,
    release: kind,
    who: actor,
    why,
    ...(version === undefined ? {} : { version }),
  });
  // Giving a version up is done with the request itself; everything else is a rotation's to go on with.
  const told =
    kind === 'alive'
      ? await wakeRotation(ports, credential)
      : await startRotation(ports, { credential, actor, reason: 'released' });
  return { request, told };
}
