import type { IncidentProgress, KillFact, Moment, OpenKey } from '../../domain/incident.ts';
import type { IncidentJournal } from '../incident-ports.ts';

const shown = 50;

/** How far a direct kill has come, read from its journal alone. Pure. */
export function journalProgress({ declaration, versions, facts }: IncidentJournal, now: number): IncidentProgress {
  const contained = new Map<string, number>();
  const dead = new Map<string, number>();
  const trouble = new Map<string, Extract<KillFact, { kind: 'trouble' }>>();
  for (const fact of facts) {
    if (fact.kind === 'contained') contained.set(fact.version, fact.at);
    else if (fact.kind === 'dead') dead.set(fact.version, fact.at);
    else trouble.set(fact.version, fact);
  }
  const open = versions
    .filter(({ version }) => !dead.has(version))
    .map(({ credential, version, refs, onlyByHand, killAt }): OpenKey => ({
      credential,
      version,
      ...(refs[0] === undefined ? {} : { keyId: refs[0].id }),
      state: contained.has(version) ? 'revoked, not yet dead' : 'not contained',
      why: onlyByHand
        ? 'no API can kill it: a person must'
        : (trouble.get(version)?.why ?? (killAt > now ? 'its policy lets it live until then' : 'not tried yet')),
      again: killAt > now ? killAt : undefined,
      person: onlyByHand,
    }));
  const reached: Partial<Record<Moment, number>> = { declared: declaration.declaredAt };
  const all = versions.length > 0;
  if (all && versions.every(({ version }) => contained.has(version) || dead.has(version)))
    reached.contained = Math.max(...contained.values(), ...dead.values());
  if (all && open.length === 0) reached.dead = Math.max(...dead.values());
  return {
    incident: declaration.incident,
    declaredAt: declaration.declaredAt,
    scope: declaration.scope,
    drill: declaration.drill,
    keys: versions.length,
    contained: versions.filter(({ version }) => contained.has(version) || dead.has(version)).length,
    dead: dead.size,
    replaced: 0,
    confirmed: 0,
    reached,
    clock: declaration.pace.clock,
    open: open.slice(0, shown),
    more: Math.max(0, open.length - shown),
    closed: false,
  };
}

/**
 * Is there something in it that the ledger lacks? The declaration alone is no such thing once anybody else knows of the
 * incident: it was handed to workers, who tell the ledger by themselves.
 */
export function waitsForLedger({ imported, facts }: IncidentJournal, knownElsewhere: boolean): boolean {
  return !imported && (facts.length > 0 || !knownElsewhere);
}
