import { codeOf, errorTable } from '../../domain/errors.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { IncidentEffectPorts } from './ports.ts';

export interface Escalations {
  readonly incident: string;
  readonly rotations: readonly { readonly credential: CredentialId; readonly compromised: readonly VersionId[] }[];
}

const side = 10;
const budget = 12_000;

/** Tells each rotation, or starts it. Needs Temporal alone. Answers those it could not tell: they are told again. */
export async function escalateRotations(
  { rotations, now }: IncidentEffectPorts,
  { incident, rotations: named }: Escalations,
): Promise<{ readonly untold: readonly CredentialId[] }> {
  const untold: CredentialId[] = [];
  const until = now() + budget;
  const waiting = named.values();
  const lane = async (): Promise<void> => {
    for (const { credential, compromised } of waiting) {
      try {
        if (now() > until) untold.push(credential);
        else await rotations.escalate(credential, incident, compromised);
      } catch (thrown) {
        if (!errorTable[codeOf(thrown)].retryable) throw thrown;
        untold.push(credential);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(side, named.length) }, lane));
  return { untold };
}
