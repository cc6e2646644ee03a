import { codeOf } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { Declaration, KillFact } from '../../domain/incident.ts';
import type { IncidentLedger, Ledger } from '../../ledger/ledger.ts';
import { within } from './patience.ts';
import type { IncidentEffectPorts } from './ports.ts';

export interface IncidentRecord {
  readonly declaration: Declaration;
  /** Compromised by it; may be few of many. */
  readonly versions: readonly VersionId[];
  readonly facts: readonly KillFact[];
  readonly events: readonly IncidentEvent[];
  /** Closes it after all else. */
  readonly close?: { readonly who: string; readonly why?: string };
}

export interface IncidentEvent {
  /** `moment.dead`, `paged.50`, `taken-over`. */
  readonly kind: string;
  readonly actor: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Writes to the ledger what has happened anyway. Idempotent. Answers versions that the ledger has never heard of (a
 * restored one, keys known by their tag alone): they are killed, and nothing is written of them.
 */
export async function recordIncident(
  ports: IncidentEffectPorts,
  record: IncidentRecord,
): Promise<{ readonly unknown: readonly VersionId[] }> {
  return within(written(await within(ports.ledger()), record), 15_000);
}

async function written(
  ledger: Ledger & IncidentLedger,
  { declaration, versions, facts, events, close }: IncidentRecord,
): Promise<{ readonly unknown: readonly VersionId[] }> {
  const unknown = await declared(ledger, declaration, versions);
  const known = facts.filter((fact) => !unknown.includes(fact.version));
  if (known.length > 0) await ledger.killFacts({ incident: declaration.incident, facts: known });
  for (const event of events) await ledger.incidentEvent({ incident: declaration.incident, ...event });
  if (close !== undefined) await ledger.closeIncident({ incident: declaration.incident, ...close });
  return { unknown };
}

async function declared(
  ledger: Ledger & IncidentLedger,
  { incident, who, why, declaredAt, scope, drill }: Declaration,
  versions: readonly VersionId[],
): Promise<readonly VersionId[]> {
  const declare = (named: readonly VersionId[]): Promise<void> =>
    ledger.declareIncident({ incident, versions: named, who, why, declaredAt, scope, drill });
  try {
    await declare(versions);
    return [];
  } catch (thrown) {
    if (codeOf(thrown) !== 'NOT_FOUND') throw thrown;
    const unknown: VersionId[] = [];
    for (const version of versions) if (!(await isKnown(ledger, version))) unknown.push(version);
    await declare(versions.filter((version) => !unknown.includes(version)));
    return unknown;
  }
}

async function isKnown(ledger: Ledger, version: VersionId): Promise<boolean> {
  try {
    await ledger.credentialOf(version);
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === 'NOT_FOUND') return false;
    throw thrown;
  }
}
