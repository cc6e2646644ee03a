import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import { ledgerPatience } from './emergency-known.ts';
import { told, within } from './within.ts';

interface Noted {
  /** Why the record does not have it yet; undefined: it has. */
  readonly trouble: string | undefined;
}

/**
 * Ends the rotation of this credential and starts it anew with the escalation, for one that is stuck. The record is
 * written after it: an unreachable ledger does not stop it.
 */
export async function takeOver(
  ports: Pick<EmergencyPorts, 'ledger' | 'incidents' | 'now'>,
  input: { readonly incident: string; readonly credential: CredentialId; readonly actor: string },
): Promise<Noted> {
  const { incident, credential, actor } = input;
  await ports.incidents.takeOver(incident, credential);
  return note(ports, { incident, kind: `taken-over/${credential}`, actor, body: { credential, at: ports.now() } });
}

/**
 * Asks a running incident to close, or closes one that nobody works on any more. Nothing is forgotten: what is not dead
 * stays a debt of its rotation. NOT_FOUND; UNAVAILABLE when it cannot be told whether one runs.
 */
export async function closeIncident(
  ports: Pick<EmergencyPorts, 'ledger' | 'incidents' | 'now'>,
  input: { readonly incident: string; readonly why: string; readonly actor: string },
): Promise<Noted & { readonly how: 'asked' | 'closed' }> {
  const { incident, why, actor } = input;
  const running = await ports.incidents.progress(incident);
  if (running !== undefined && !running.closed) {
    const noted = await note(ports, { incident, kind: 'close-asked', actor, body: { why, at: ports.now() } });
    await ports.incidents.close(incident, actor);
    return { ...noted, how: 'asked' };
  }
  const ledger = await within('the ledger', ledgerPatience, ports.ledger());
  await ledger.closeIncident({ incident, who: actor, why });
  return { trouble: undefined, how: 'closed' };
}

/** Brings what this machine killed alone into the ledger. Again changes nothing. */
export async function importJournals({
  direct,
}: Pick<EmergencyPorts, 'direct'>): Promise<{ readonly imported: readonly string[] }> {
  return { imported: await direct.importJournals() };
}

async function note(
  ports: Pick<EmergencyPorts, 'ledger'>,
  event: {
    readonly incident: string;
    readonly kind: string;
    readonly actor: string;
    readonly body: Record<string, unknown>;
  },
): Promise<Noted> {
  try {
    const ledger = await within('the ledger', ledgerPatience, ports.ledger());
    await within('the ledger', ledgerPatience, ledger.incidentEvent(event));
    return { trouble: undefined };
  } catch (thrown) {
    if (thrown instanceof KeybatonError && thrown.code === 'CONFLICT') throw thrown;
    return { trouble: told(thrown) };
  }
}
