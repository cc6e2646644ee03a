import { createHash } from 'node:crypto';
import type { Rotations } from '../control/ports.ts';
import { codeOf, isKeybatonError, KeybatonError } from '../domain/errors.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import { markImported, type ReadJournal } from '../ledger/incident-journal.ts';
import type { IncidentLedger, Ledger } from '../ledger/ledger.ts';

export interface Imported {
  readonly incident: string;
  /** Why the ledger does not have it. */
  readonly trouble: KeybatonError | undefined;
}

export interface ImportInto {
  readonly home: string;
  readonly ledger: Ledger & IncidentLedger;
  readonly rotations: Pick<Rotations, 'escalate'>;
}

/** Facts in one transaction. */
const atOnce = 200;

/**
 * Brings one journal into the ledger: the declaration, then every fact. Idempotent. Then replacing is asked of the
 * rotations where Temporal answers; where it does not, the sweep finds what is compromised and starts them.
 */
export async function importJournal(into: ImportInto, journal: ReadJournal): Promise<Imported> {
  const { declaration, facts } = journal;
  const { incident } = declaration;
  try {
    const { known, unknown } = await split(into.ledger, journal);
    await declare(into.ledger, journal, [...known.keys()]);
    const unsure = await issuing(into.ledger, known);
    const mine = facts.filter(({ kind, version }) => known.has(version) && !(kind === 'dead' && unsure.has(version)));
    for (let from = 0; from < mine.length; from += atOnce)
      await into.ledger.killFacts({ incident, facts: mine.slice(from, from + atOnce) });
    if (unknown.length > 0) {
      // Keys with our tag that this ledger has never heard of: there is no row to write to, but it is not forgotten.
      const body = { versions: unknown, facts: facts.filter(({ version }) => !known.has(version)) };
      // One kind is noted once: what the journal has gained since is another.
      const kind = `killed-unknown.${createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 16)}`;
      await into.ledger.incidentEvent({ incident, kind, actor: declaration.who, body });
    }
    await markImported(into.home, journal);
    // A declaration alone was handed to workers, who escalate by themselves.
    if (facts.length > 0) await escalate(into.rotations, incident, known);
    return { incident, trouble: undefined };
  } catch (thrown) {
    if (isKeybatonError(thrown)) return { incident, trouble: thrown };
    return {
      incident,
      trouble: new KeybatonError(codeOf(thrown), 'something failed inside keybaton', { cause: thrown }),
    };
  }
}

async function declare(ledger: IncidentLedger, { declaration }: ReadJournal, versions: VersionId[]): Promise<void> {
  const { incident, who, why, scope, drill, declaredAt } = declaration;
  await ledger.declareIncident({ incident, versions, who, why, scope, drill, declaredAt });
}

async function split(
  ledger: Ledger,
  { versions }: ReadJournal,
): Promise<{ readonly known: ReadonlyMap<VersionId, CredentialId>; readonly unknown: readonly VersionId[] }> {
  const known = new Map<VersionId, CredentialId>();
  const unknown: VersionId[] = [];
  for (const { version } of versions) {
    try {
      // Its credential may have been renamed since, or was never known where the ledger was down.
      known.set(version, await ledger.credentialOf(version));
    } catch (thrown) {
      if (codeOf(thrown) !== 'NOT_FOUND') throw thrown;
      unknown.push(version);
    }
  }
  return { known, unknown };
}

/** A create under way may still make them live, and nobody here looks again: their rotation proves them dead. */
async function issuing(ledger: Ledger, known: ReadonlyMap<VersionId, CredentialId>): Promise<ReadonlySet<VersionId>> {
  const unsure = new Set<VersionId>();
  for (const credential of new Set(known.values())) {
    const { versions } = await ledger.facts(credential);
    for (const { id, intents } of versions)
      if (intents.some(({ effect, outcome }) => effect === 'issue' && outcome === undefined)) unsure.add(id);
  }
  return unsure;
}

async function escalate(
  rotations: Pick<Rotations, 'escalate'>,
  incident: string,
  known: ReadonlyMap<VersionId, CredentialId>,
): Promise<void> {
  const byCredential = Map.groupBy(known, ([, credential]) => credential);
  try {
    for (const [credential, some] of byCredential)
      await rotations.escalate(credential, { incident, compromised: some.map(([version]) => version) });
  } catch (thrown) {
    // Temporal does not answer: nobody waits for it here, and nothing is lost.
    if (codeOf(thrown) !== 'UNAVAILABLE') throw thrown;
  }
}
