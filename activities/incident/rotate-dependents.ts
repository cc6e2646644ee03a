import { codeOf } from '../../domain/errors.ts';
import type { CredentialFacts } from '../../domain/facts.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import { within } from './patience.ts';
import type { IncidentEffectPorts } from './ports.ts';

export interface RotateDependent {
  readonly incident: string;
  readonly who: string;
  readonly credential: CredentialId;
  /** What it depends on, replaced now. */
  readonly after: CredentialId;
}

/** A later epoch than this one, in every backend, means that it was rotated since. */
export interface AskedDependent {
  readonly epoch: number;
  /** Why it is not rotated for its own sake, or cannot be; undefined: it was asked for. */
  readonly not: string | undefined;
}

/**
 * Asks for the scheduled rotation of a dependent entry, in writing, and starts it. Nothing of it is hurried: windows,
 * proofs and GATE hold as ever. One that an open incident names is replaced by that incident.
 */
export async function rotateDependent(ports: IncidentEffectPorts, input: RotateDependent): Promise<AskedDependent> {
  const { credential, incident, after, who } = input;
  const ledger = await within(ports.ledger());
  const facts = await within(ledger.facts(credential)).catch((thrown: unknown) => {
    if (codeOf(thrown) === 'NOT_FOUND') return undefined;
    throw thrown;
  });
  if (facts === undefined) return { epoch: 0, not: 'the ledger does not know it' };
  const epoch = facts.epochs[0]?.epoch ?? 0;
  if (facts.status !== 'managed') return { epoch, not: `its entry is ${facts.status}` };
  if (await namedByIncident(facts)) return { epoch, not: 'an open incident replaces it' };
  const why = `incident ${incident}: ${after}, which it depends on, was replaced`;
  const asked = facts.requests.some((one) => one.kind === 'rotate' && one.why === why);
  if (!asked && epoch > 0) await within(ledger.request({ kind: 'rotate', credential, who, why }));
  await ports.rotations.start(credential, why);
  return { epoch, not: undefined };

  async function namedByIncident({ versions }: CredentialFacts): Promise<boolean> {
    for (const { id, compromised, fate } of versions)
      if (compromised && fate !== 'dead' && (await within(ledger.openIncidentsOf(id))).length > 0) return true;
    return false;
  }
}

export interface AskRotated {
  readonly credential: CredentialId;
  readonly after: number;
}

/** Has it a later epoch, in every backend? Then its own dependents are next. */
export async function askRotated(
  ports: IncidentEffectPorts,
  { credential, after }: AskRotated,
): Promise<{ readonly rotated: boolean; readonly gone: boolean; readonly dependents: readonly CredentialId[] }> {
  const ledger = await within(ports.ledger());
  const facts = await within(ledger.facts(credential));
  const newest = facts.epochs[0];
  const copies = facts.versions.find((one) => one.id === newest?.version)?.copies ?? [];
  const everywhere = facts.entry.backends.every(({ backend }) =>
    copies.some((copy) => copy.backend === backend && copy.as === 'main' && copy.epoch === newest?.epoch && !copy.gone),
  );
  return {
    rotated: (newest?.epoch ?? 0) > after && everywhere,
    gone: facts.status !== 'managed',
    dependents: facts.entry.dependents,
  };
}
